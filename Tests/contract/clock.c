/* Gives a process that it is preloaded into another time than the machine's, which can be changed while it runs.
 *
 * The file named by TEST_CLOCK holds two 64-bit numbers of nanoseconds: what is added to the wall clock, and to the monotonic
 * one. Absolute times that go to the kernel are turned back. libfaketime cannot be used: it changes its own environment
 * before main, which hides the arguments of a Swift program from it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offsets;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) abort();
    void *memory = mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) abort();
    offsets = memory;
}

static int64_t offset(clockid_t clock) {
    if (!offsets) return 0;
    switch (clock) {
    case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: case CLOCK_TAI: return offsets[0];
    case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_COARSE: case CLOCK_MONOTONIC_RAW: case CLOCK_BOOTTIME: return offsets[1];
    default: return 0;
    }
}

static struct timespec moved(struct timespec time, int64_t by) {
    int64_t sum = time.tv_sec * 1000000000LL + time.tv_nsec + by;
    if (sum < 0) sum = 0;
    return (struct timespec){ sum / 1000000000, sum % 1000000000 };
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *time) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int status = real(clock, time);
    if (status == 0) *time = moved(*time, offset(clock));
    return status;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

/* Waits for a moment at most, and calls it a spurious wake-up then: a thread that waits when the clock leaps must notice. */
static int wait_a_moment(
    int (*wait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *), pthread_cond_t *condition,
    pthread_mutex_t *mutex, clockid_t clock, const struct timespec *deadline) {
    struct timespec now;
    clock_gettime(clock, &now);
    struct timespec soon = moved(now, 20000000);
    int is_later = deadline->tv_sec > soon.tv_sec || (deadline->tv_sec == soon.tv_sec && deadline->tv_nsec > soon.tv_nsec);
    struct timespec end = moved(is_later ? soon : *deadline, -offset(clock));
    int status = wait(condition, mutex, clock, &end);
    return status == ETIMEDOUT && is_later ? 0 : status;
}

int pthread_cond_clockwait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time) {
    static __typeof__(&pthread_cond_clockwait) real;
    if (!real) real = REAL(pthread_cond_clockwait);
    return wait_a_moment(real, condition, mutex, clock, time);
}

/* Every condition of the program waits by the monotonic clock. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict time) {
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, time);
}

int timerfd_settime(int file, int flags, const struct itimerspec *new, struct itimerspec *old) {
    static __typeof__(&timerfd_settime) real;
    if (!real) real = REAL(timerfd_settime);
    struct itimerspec then = *new;
    /* The program's timers are of the monotonic clock; zero means none. */
    if ((flags & TFD_TIMER_ABSTIME) && (new->it_value.tv_sec || new->it_value.tv_nsec)) {
        then.it_value = moved(new->it_value, -offset(CLOCK_MONOTONIC));
        if (!then.it_value.tv_sec && !then.it_value.tv_nsec) then.it_value.tv_nsec = 1;
    }
    return real(file, flags, &then, old);
}
