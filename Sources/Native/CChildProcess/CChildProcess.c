#define _GNU_SOURCE
#include "CChildProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static int spawn(char *const arguments[], const int standard[3], pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int problem = posix_spawn_file_actions_init(&actions);
    if (problem) return problem;
    problem = posix_spawnattr_init(&attributes);
    if (problem) {
        posix_spawn_file_actions_destroy(&actions);
        return problem;
    }
    sigset_t none;
    sigemptyset(&none);
    for (int target = 0; target < 3 && !problem; target++)
        problem = posix_spawn_file_actions_adddup2(&actions, standard[target], target);
    if (!problem) problem = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!problem) problem = posix_spawnattr_setsigmask(&attributes, &none);
    if (!problem) problem = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (!problem) problem = posix_spawn(process, "/proc/self/exe", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

int child_process_start(char *const arguments[], ChildProcessEnds *ends) {
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int problem = 0;
    for (int index = 0; index < 3 && !problem; index++)
        if (pipe2(pipes[index], O_CLOEXEC) != 0) problem = errno;
    const int standard[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
    if (!problem) problem = spawn(arguments, standard, &ends->process);
    for (int index = 0; index < 3; index++)
        if (standard[index] >= 0) close(standard[index]);
    ends->input = pipes[0][1];
    ends->output = pipes[1][0];
    ends->errors = pipes[2][0];
    if (problem) {
        if (ends->input >= 0) close(ends->input);
        if (ends->output >= 0) close(ends->output);
        if (ends->errors >= 0) close(ends->errors);
    }
    return problem;
}
