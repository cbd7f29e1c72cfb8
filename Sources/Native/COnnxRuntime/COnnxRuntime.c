#include "COnnxRuntime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { API_VERSION = 15 };

struct ApiBase {
    const OrtApi *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

void ort_disable_telemetry(void) {
    const char *value = getenv("ORT_DISABLE_TELEMETRY");
    if (value == NULL || strcmp(value, "1") != 0) setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}

const char *ort_open(const char *path, const OrtApi **api, const char **version, char *reason, size_t size) {
    ort_disable_telemetry();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *error = dlerror();
        snprintf(reason, size, "%s", error != NULL ? error : "it cannot be opened");
        return reason;
    }
    const struct ApiBase *(*get_base)(void);
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    const struct ApiBase *base = get_base != NULL ? get_base() : NULL;
    if (base == NULL) {
        dlclose(library);
        return "it is not ONNX Runtime";
    }
    *version = base->get_version();
    int major = 0, minor = 0;
    // An older library would complain on standard error if it were asked for a table that it does not have.
    if (sscanf(*version, "%d.%d", &major, &minor) != 2 || major != 1 || minor < 20) {
        snprintf(reason, size, "it is ONNX Runtime %s; 1.20 and later releases of 1 are understood", *version);
        return reason;
    }
    *api = base->get_api(API_VERSION);
    return *api != NULL ? NULL : "it does not have the interface's version 15";
}

void ort_log_nothing(
    void *context, int severity, const char *category, const char *id, const char *place, const char *message) {
    (void)context, (void)severity, (void)category, (void)id, (void)place, (void)message;
}
