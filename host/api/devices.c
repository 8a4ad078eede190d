#include <stdio.h>
#include <string.h>

#include "davit/profile.h"
#include "objects.h"

/* True for KIND[:emu][:N], KIND in lower case. */
static bool well_formed(const char *name)
{
    const char *c = name;
    while (*c >= 'a' && *c <= 'z') {
        c++;
    }
    if (c == name) {
        return false;
    }
    if (strncmp(c, ":emu", 4) == 0 && (c[4] == ':' || c[4] == '\0')) {
        c += 4;
    }
    if (*c == ':' && c[1] != '\0') {
        c++;
        c += strspn(c, "0123456789");
    }
    return *c == '\0';
}

/* True when name is other followed by ":0". */
static bool is_first_of(const char *name, const char *other)
{
    size_t length = strlen(other);
    return strncmp(name, other, length) == 0 && strcmp(name + length, ":0") == 0;
}

/* The device that a name means: exactly, or where either says ":0" and the other does not (a host
 * of one NUMA node has `cpu` only, and `cpu:0` means it); NULL for none. Looks only for devices of
 * the name's kind. */
static davit_status find_device(davit_context *context, const char *name,
                                const davit_diagnostics *diag, const davit_device_info **info,
                                davit_backend **owner)
{
    char kind[32];
    davit_backend *backend;
    const davit_device_info *known;
    *info = NULL;
    snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(name, ":"), name);
    davit_status status = davit_context_find(context, kind, diag);
    for (size_t i = 0; (known = davit_context_found(context, i, &backend)) != NULL; i++) {
        bool same = strcmp(known->name, name) == 0;
        if (same ||
            (*info == NULL && (is_first_of(known->name, name) || is_first_of(name, known->name)))) {
            *info = known;
            *owner = backend;
        }
        if (same) {
            break;
        }
    }
    return status;
}

static davit_status refuse_name(davit_context *context, const char *name,
                                const davit_diagnostics *diag)
{
    char known[512] = "";
    size_t used = 0;
    const davit_device_info *info;
    davit_status status = davit_context_find(context, NULL, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0;
         used < sizeof(known) && (info = davit_context_found(context, i, NULL)) != NULL; i++) {
        int length =
            snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", info->name);
        used += length > 0 ? (size_t)length : 0;
    }
    if (!well_formed(name)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "device '%s': expected KIND[:emu][:N]; known are %s", name, known);
    }
    return davit_fail(diag, DAVIT_NOT_FOUND, "no device '%s'; known are %s", name, known);
}

static davit_status add_device(const davit_plan_device *device, const davit_diagnostics *diag,
                               davit_plan_device *devices, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(devices[i].info.name, device->info.name) == 0) {
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "device %s is listed twice",
                              device->info.name);
        }
    }
    devices[(*count)++] = *device;
    return DAVIT_OK;
}

/* What a user names in the place of a profile, to run. */
static const char *real_device(davit_device_kind kind)
{
    return kind == DAVIT_DEVICE_FPGA ? "fpga:0" : kind == DAVIT_DEVICE_GPU ? "cuda:0" : "cpu";
}

static davit_status add_profile(davit_context *context, const char *name,
                                const davit_session_options *options, const davit_diagnostics *diag,
                                davit_plan_device *devices, size_t *count)
{
    davit_device_profile profile;
    davit_plan_device device = {.backend = context->profiles};
    davit_status status =
        davit_profile_find(context->allocator, name, options->profiles, diag, &profile);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_profile_describe(name, &profile, &device.info);
    if (!options->place_only) {
        return davit_fail(
            diag, DAVIT_UNAVAILABLE,
            "device %s exists only as a profile: davit plan places on it, to run name "
            "a device such as %s",
            device.info.name, real_device(profile.kind));
    }
    return add_device(&device, diag, devices, count);
}

static davit_status add_named(davit_context *context, const char *name,
                              const davit_diagnostics *diag, davit_plan_device *devices,
                              size_t *count)
{
    const davit_device_info *info;
    davit_backend *owner;
    davit_status status = find_device(context, name, diag, &info, &owner);
    if (status != DAVIT_OK) {
        return status;
    }
    if (info == NULL) {
        return refuse_name(context, name, diag);
    }
    const davit_plan_device device = {.info = *info, .backend = owner};
    if (device.info.unusable[0] != '\0') {
        return davit_fail(diag, DAVIT_UNAVAILABLE, "device %s cannot be used: %s", device.info.name,
                          device.info.unusable);
    }
    return add_device(&device, diag, devices, count);
}

static davit_status choose_listed(davit_context *context, char *list,
                                  const davit_session_options *options,
                                  const davit_diagnostics *diag, davit_plan_device *devices,
                                  size_t *count)
{
    const size_t prefix = strlen(DAVIT_PROFILE_PREFIX);
    davit_status status = DAVIT_OK;
    for (char *name = list; status == DAVIT_OK && name != NULL;) {
        char *comma = strchr(name, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        status = strncmp(name, DAVIT_PROFILE_PREFIX, prefix) == 0
                     ? add_profile(context, name + prefix, options, diag, devices, count)
                     : add_named(context, name, diag, devices, count);
        name = comma != NULL ? comma + 1 : NULL;
    }
    return status;
}

static bool is_default(const davit_device_info *info)
{
    bool part_of_host = info->profile.kind == DAVIT_DEVICE_CPU && info->ordinal > 0;
    return !info->emulated && !part_of_host && info->profile.kind != DAVIT_DEVICE_NULL;
}

/* A GPU that two drivers show, as cuda:0 and opencl:0, is used through the first. */
static const davit_device_info *same_card(const davit_plan_device *devices, size_t count,
                                          const davit_device_info *info)
{
    for (size_t i = 0; i < count && info->pci_address[0] != '\0'; i++) {
        if (strcmp(devices[i].info.pci_address, info->pci_address) == 0) {
            return &devices[i].info;
        }
    }
    return NULL;
}

static void choose_defaults(const davit_context *context, const davit_diagnostics *diag,
                            davit_plan_device *devices, size_t *count)
{
    const davit_device_info *info;
    davit_backend *owner;
    for (size_t i = 0; (info = davit_context_found(context, i, &owner)) != NULL; i++) {
        if (!is_default(info)) {
            continue;
        }
        if (info->unusable[0] != '\0') {
            davit_log(diag, DAVIT_INFO, "device %s is not used: %s", info->name, info->unusable);
            continue;
        }
        const davit_device_info *same = same_card(devices, *count, info);
        if (same != NULL) {
            davit_log(diag, DAVIT_INFO, "device %s is not used: it is %s", info->name, same->name);
            continue;
        }
        devices[(*count)++] = (davit_plan_device){.info = *info, .backend = owner, .cost_key = ""};
    }
    if (*count > 0 && devices[0].info.profile.kind == DAVIT_DEVICE_REFERENCE) {
        davit_log(diag, DAVIT_WARNING,
                  "no other device than %s is usable: it computes right, but slowly",
                  devices[0].info.name);
    }
}

davit_status davit_context_choose(davit_context *context, const davit_session_options *options,
                                  davit_arena *arena, const davit_diagnostics *diag,
                                  davit_plan_device **devices, size_t *count)
{
    const char *list = options->devices;
    size_t capacity = 1;
    *count = 0;
    if (list == NULL) {
        davit_status status = davit_context_find(context, NULL, diag);
        if (status != DAVIT_OK) {
            return status;
        }
        capacity = davit_context_device_count(context);
    }
    for (const char *c = list != NULL ? list : ""; *c != '\0'; c++) {
        capacity += *c == ',';
    }
    *devices = davit_arena_alloc_array(arena, capacity, sizeof(**devices));
    char *names = davit_arena_strdup(arena, list != NULL ? list : "");
    if (*devices == NULL || names == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a list of devices");
    }
    if (list != NULL) {
        return choose_listed(context, names, options, diag, *devices, count);
    }
    choose_defaults(context, diag, *devices, count);
    return DAVIT_OK;
}
