// ONNX Runtime, but for models that say so in their documentation: while a session is made of those it aborts, ends the process,
// spins, or takes memory without end. Opens the real library at REAL_LIBRARY and hands its interface on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const void *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
} Base;

enum { CREATE_SESSION_FROM_ARRAY = 8, SLOTS = 256 };
typedef void *(*Create)(const void *, const void *, size_t, const void *, void **);

static const Base *real;
static void *table[SLOTS];
static Create create;

static int says(const void *data, size_t size, const char *words) { return memmem(data, size, words, strlen(words)) != NULL; }

static void *create_session(const void *env, const void *data, size_t size, const void *options, void **session) {
    if (says(data, size, "misbehave: abort")) abort();
    if (says(data, size, "misbehave: exit")) _Exit(0);
    if (says(data, size, "misbehave: spin"))
        for (volatile int turn = 0;; turn++) {}
    if (says(data, size, "misbehave: grow"))
        for (;;) {
            char *memory = malloc(1 << 20);
            if (memory == NULL) abort();
            memset(memory, 1, 1 << 20);
        }
    return create(env, data, size, options, session);
}

static const void *get_api(uint32_t version) {
    void *const *api = real->get_api(version);
    if (api == NULL) return NULL;
    memcpy(table, api, sizeof table);
    create = (Create)table[CREATE_SESSION_FROM_ARRAY];
    table[CREATE_SESSION_FROM_ARRAY] = (void *)create_session;
    return table;
}

static const char *get_version(void) { return real->get_version(); }

const Base *OrtGetApiBase(void) {
    static const Base base = {get_api, get_version};
    void *library = dlopen(REAL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const Base *(*find)(void) = library ? (const Base *(*)(void))dlsym(library, "OrtGetApiBase") : NULL;
    if (find == NULL) return NULL;
    real = find();
    return &base;
}
