// The part of ONNX Runtime's C interface that Verdict uses, declared here so that no header of the library is needed
// to build. The library is opened at run time. Its interface is a table of function pointers whose order is promised
// to stay: a call names its slot. Version 15 of the table is asked for, which every release from 1.15 on gives.
//
// A function that returns OrtStatus gives NULL for success; any other is the caller's to release.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct OrtApi OrtApi;
typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorInfo OrtTensorInfo;

/// Opens the library at an absolute path and gives its table of functions and its version ("1.28.0").
/// Returns NULL for success, else what is wrong, in `reason`. Switches the library's telemetry off before it is
/// opened. The library stays open until the process ends.
const char *ort_open(const char *path, const OrtApi **api, const char **version, char *reason, size_t size);

/// Switches the telemetry of any ONNX Runtime off that is opened later. Changes the environment, and so belongs
/// before threads that might read it; does nothing if that is done already.
void ort_disable_telemetry(void);

/// A logger that keeps nothing: what matters is in the status of the call that failed.
void ort_log_nothing(
    void *context, int severity, const char *category, const char *id, const char *place, const char *message);

#define ORT_CALL(api, slot, ...) (((OrtStatus * (*)(__VA_ARGS__))((void *const *)(api))[slot]))
#define ORT_GIVE(api, slot, type, ...) (((type(*)(__VA_ARGS__))((void *const *)(api))[slot]))

// --- Status
static inline int ort_error_code(const OrtApi *a, const OrtStatus *s) {
    return ORT_GIVE(a, 1, int, const OrtStatus *)(s);
}
static inline const char *ort_error_message(const OrtApi *a, const OrtStatus *s) {
    return ORT_GIVE(a, 2, const char *, const OrtStatus *)(s);
}
static inline void ort_release_status(const OrtApi *a, OrtStatus *s) { ORT_GIVE(a, 93, void, OrtStatus *)(s); }

// --- Environment and sessions
static inline OrtStatus *ort_create_env(const OrtApi *a, int level, const char *id, OrtEnv **out) {
    typedef void (*Log)(void *, int, const char *, const char *, const char *, const char *);
    return ORT_CALL(a, 4, Log, void *, int, const char *, OrtEnv **)(ort_log_nothing, NULL, level, id, out);
}
static inline OrtStatus *ort_disable_telemetry_events(const OrtApi *a, const OrtEnv *env) {
    return ORT_CALL(a, 6, const OrtEnv *)(env);
}
static inline OrtStatus *ort_create_session(
    const OrtApi *a, const OrtEnv *env, const void *data, size_t size, const OrtSessionOptions *options, OrtSession **out) {
    return ORT_CALL(a, 8, const OrtEnv *, const void *, size_t, const OrtSessionOptions *, OrtSession **)(
        env, data, size, options, out);
}
static inline void ort_release_session(const OrtApi *a, OrtSession *s) { ORT_GIVE(a, 95, void, OrtSession *)(s); }
static inline OrtStatus *ort_create_session_options(const OrtApi *a, OrtSessionOptions **out) {
    return ORT_CALL(a, 10, OrtSessionOptions **)(out);
}
static inline void ort_release_session_options(const OrtApi *a, OrtSessionOptions *o) {
    ORT_GIVE(a, 100, void, OrtSessionOptions *)(o);
}
static inline OrtStatus *ort_set_optimized_model_path(const OrtApi *a, OrtSessionOptions *o, const char *path) {
    return ORT_CALL(a, 11, OrtSessionOptions *, const char *)(o, path);
}
/// 0 for sequential, 1 for parallel.
static inline OrtStatus *ort_set_execution_mode(const OrtApi *a, OrtSessionOptions *o, int mode) {
    return ORT_CALL(a, 13, OrtSessionOptions *, int)(o, mode);
}
static inline OrtStatus *ort_disable_memory_pattern(const OrtApi *a, OrtSessionOptions *o) {
    return ORT_CALL(a, 17, OrtSessionOptions *)(o);
}
static inline OrtStatus *ort_disable_arena(const OrtApi *a, OrtSessionOptions *o) {
    return ORT_CALL(a, 19, OrtSessionOptions *)(o);
}
/// 0 for none, 1 for basic, 2 for extended, 99 for all.
static inline OrtStatus *ort_set_optimization(const OrtApi *a, OrtSessionOptions *o, int level) {
    return ORT_CALL(a, 23, OrtSessionOptions *, int)(o, level);
}
static inline OrtStatus *ort_set_intra_threads(const OrtApi *a, OrtSessionOptions *o, int count) {
    return ORT_CALL(a, 24, OrtSessionOptions *, int)(o, count);
}
static inline OrtStatus *ort_set_inter_threads(const OrtApi *a, OrtSessionOptions *o, int count) {
    return ORT_CALL(a, 25, OrtSessionOptions *, int)(o, count);
}
static inline OrtStatus *ort_add_session_entry(const OrtApi *a, OrtSessionOptions *o, const char *key, const char *value) {
    return ORT_CALL(a, 130, OrtSessionOptions *, const char *, const char *)(o, key, value);
}

// --- What a session takes and gives
static inline OrtStatus *ort_input_count(const OrtApi *a, const OrtSession *s, size_t *out) {
    return ORT_CALL(a, 30, const OrtSession *, size_t *)(s, out);
}
static inline OrtStatus *ort_output_count(const OrtApi *a, const OrtSession *s, size_t *out) {
    return ORT_CALL(a, 31, const OrtSession *, size_t *)(s, out);
}
static inline OrtStatus *ort_input_type(const OrtApi *a, const OrtSession *s, size_t i, OrtTypeInfo **out) {
    return ORT_CALL(a, 33, const OrtSession *, size_t, OrtTypeInfo **)(s, i, out);
}
static inline OrtStatus *ort_output_type(const OrtApi *a, const OrtSession *s, size_t i, OrtTypeInfo **out) {
    return ORT_CALL(a, 34, const OrtSession *, size_t, OrtTypeInfo **)(s, i, out);
}
static inline OrtStatus *ort_input_name(const OrtApi *a, const OrtSession *s, size_t i, OrtAllocator *al, char **out) {
    return ORT_CALL(a, 36, const OrtSession *, size_t, OrtAllocator *, char **)(s, i, al, out);
}
static inline OrtStatus *ort_output_name(const OrtApi *a, const OrtSession *s, size_t i, OrtAllocator *al, char **out) {
    return ORT_CALL(a, 37, const OrtSession *, size_t, OrtAllocator *, char **)(s, i, al, out);
}
static inline OrtStatus *ort_allocator(const OrtApi *a, OrtAllocator **out) {
    return ORT_CALL(a, 78, OrtAllocator **)(out);
}
static inline OrtStatus *ort_free(const OrtApi *a, OrtAllocator *al, void *memory) {
    return ORT_CALL(a, 76, OrtAllocator *, void *)(al, memory);
}
/// The result belongs to `type`.
static inline OrtStatus *ort_tensor_info(const OrtApi *a, const OrtTypeInfo *type, const OrtTensorInfo **out) {
    return ORT_CALL(a, 55, const OrtTypeInfo *, const OrtTensorInfo **)(type, out);
}
/// 1 for a tensor, 2 for a sequence, 3 for a map.
static inline OrtStatus *ort_kind(const OrtApi *a, const OrtTypeInfo *type, int *out) {
    return ORT_CALL(a, 56, const OrtTypeInfo *, int *)(type, out);
}
static inline OrtStatus *ort_element_type(const OrtApi *a, const OrtTensorInfo *info, int *out) {
    return ORT_CALL(a, 60, const OrtTensorInfo *, int *)(info, out);
}
static inline OrtStatus *ort_rank(const OrtApi *a, const OrtTensorInfo *info, size_t *out) {
    return ORT_CALL(a, 61, const OrtTensorInfo *, size_t *)(info, out);
}
static inline OrtStatus *ort_dimensions(const OrtApi *a, const OrtTensorInfo *info, int64_t *out, size_t count) {
    return ORT_CALL(a, 62, const OrtTensorInfo *, int64_t *, size_t)(info, out, count);
}
static inline void ort_release_type_info(const OrtApi *a, OrtTypeInfo *t) { ORT_GIVE(a, 98, void, OrtTypeInfo *)(t); }
static inline void ort_release_tensor_info(const OrtApi *a, OrtTensorInfo *t) {
    ORT_GIVE(a, 99, void, OrtTensorInfo *)(t);
}

// --- Runs
static inline OrtStatus *ort_run(
    const OrtApi *a, OrtSession *s, const OrtRunOptions *options, const char *const *inputs, const OrtValue *const *given,
    size_t given_count, const char *const *outputs, size_t output_count, OrtValue **results) {
    return ORT_CALL(
        a, 9, OrtSession *, const OrtRunOptions *, const char *const *, const OrtValue *const *, size_t,
        const char *const *, size_t, OrtValue **)(s, options, inputs, given, given_count, outputs, output_count, results);
}
static inline OrtStatus *ort_create_run_options(const OrtApi *a, OrtRunOptions **out) {
    return ORT_CALL(a, 39, OrtRunOptions **)(out);
}
static inline OrtStatus *ort_terminate(const OrtApi *a, OrtRunOptions *o) { return ORT_CALL(a, 46, OrtRunOptions *)(o); }
static inline OrtStatus *ort_unterminate(const OrtApi *a, OrtRunOptions *o) { return ORT_CALL(a, 47, OrtRunOptions *)(o); }
static inline void ort_release_run_options(const OrtApi *a, OrtRunOptions *o) {
    ORT_GIVE(a, 97, void, OrtRunOptions *)(o);
}

// --- Values
static inline OrtStatus *ort_cpu_memory(const OrtApi *a, OrtMemoryInfo **out) {
    return ORT_CALL(a, 69, int, int, OrtMemoryInfo **)(0, 0, out);
}
/// A tensor in memory of the library's own, for strings.
static inline OrtStatus *ort_create_tensor(
    const OrtApi *a, OrtAllocator *al, const int64_t *shape, size_t rank, int type, OrtValue **out) {
    return ORT_CALL(a, 48, OrtAllocator *, const int64_t *, size_t, int, OrtValue **)(al, shape, rank, type, out);
}
/// A tensor over memory of the caller's, which must outlive it.
static inline OrtStatus *ort_wrap_tensor(
    const OrtApi *a, const OrtMemoryInfo *memory, void *data, size_t size, const int64_t *shape, size_t rank, int type,
    OrtValue **out) {
    return ORT_CALL(
        a, 49, const OrtMemoryInfo *, void *, size_t, const int64_t *, size_t, int, OrtValue **)(
        memory, data, size, shape, rank, type, out);
}
static inline OrtStatus *ort_tensor_data(const OrtApi *a, OrtValue *v, void **out) {
    return ORT_CALL(a, 51, OrtValue *, void **)(v, out);
}
static inline OrtStatus *ort_fill_strings(const OrtApi *a, OrtValue *v, const char *const *strings, size_t count) {
    return ORT_CALL(a, 52, OrtValue *, const char *const *, size_t)(v, strings, count);
}
static inline OrtStatus *ort_strings_size(const OrtApi *a, const OrtValue *v, size_t *out) {
    return ORT_CALL(a, 53, const OrtValue *, size_t *)(v, out);
}
static inline OrtStatus *ort_strings(
    const OrtApi *a, const OrtValue *v, void *bytes, size_t size, size_t *starts, size_t count) {
    return ORT_CALL(a, 54, const OrtValue *, void *, size_t, size_t *, size_t)(v, bytes, size, starts, count);
}
/// The result is the caller's to release.
static inline OrtStatus *ort_value_info(const OrtApi *a, const OrtValue *v, OrtTensorInfo **out) {
    return ORT_CALL(a, 65, const OrtValue *, OrtTensorInfo **)(v, out);
}
static inline OrtStatus *ort_value_kind(const OrtApi *a, const OrtValue *v, int *out) {
    return ORT_CALL(a, 67, const OrtValue *, int *)(v, out);
}
/// An element of a sequence; 0 for the keys and 1 for the values of a map.
static inline OrtStatus *ort_part(const OrtApi *a, const OrtValue *v, int index, OrtAllocator *al, OrtValue **out) {
    return ORT_CALL(a, 80, const OrtValue *, int, OrtAllocator *, OrtValue **)(v, index, al, out);
}
static inline OrtStatus *ort_part_count(const OrtApi *a, const OrtValue *v, size_t *out) {
    return ORT_CALL(a, 81, const OrtValue *, size_t *)(v, out);
}
static inline void ort_release_value(const OrtApi *a, OrtValue *v) { ORT_GIVE(a, 96, void, OrtValue *)(v); }

#undef ORT_CALL
#undef ORT_GIVE
