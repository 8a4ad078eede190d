#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/bitstreams.h"
#include "davit/read_file.h"
#include "uuid.h"

#define SCHEMA_VERSION 1
#define MAX_BITSTREAMS 256

typedef struct reading {
    davit_arena *arena;
    const char *path;
    const davit_diagnostics *diag;
} reading;

bool davit_uuid_is_zero(const uint8_t uuid[16])
{
    static const uint8_t zero[16];
    return memcmp(uuid, zero, sizeof(zero)) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool davit_uuid_read(const char *text, uint8_t uuid[16])
{
    if (strlen(text) != DAVIT_XCLBIN_UUID_TEXT - 1) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text[at++] != '-') {
                return false;
            }
        }
        int high = hex_digit(text[at]);
        int low = high < 0 ? -1 : hex_digit(text[at + 1]);
        if (low < 0) {
            return false;
        }
        uuid[i] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    return true;
}

/* ---- reading ---- */

static davit_status wrong(const reading *r, size_t index, const char *what)
{
    return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: bitstream %zu: %s", r->path, index + 1, what);
}

/* Letters, digits, '.', '_' and '-', the first a letter or digit: a name that stays in its folder.
 */
static bool plain_name(const char *text, size_t most)
{
    size_t length = strlen(text);
    bool fine = length > 0 && length <= most;
    for (size_t i = 0; fine && i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        fine = letter || (i > 0 && (c == '.' || c == '_' || c == '-'));
    }
    return fine;
}

static bool bounded(json_int_t value, json_int_t most)
{
    return value >= 1 && value <= most;
}

static davit_status read_kernels(const reading *r, size_t index, const json_t *list,
                                 davit_bitstream *out)
{
    size_t count = json_array_size(list);
    if (count == 0 || count > 16) {
        return wrong(r, index, "field 'kernels': 1 to 16 are expected");
    }
    davit_bitstream_kernel *kernels = davit_arena_alloc_array(r->arena, count, sizeof(*kernels));
    if (kernels == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name;
        json_int_t units;
        json_error_t error;
        if (json_unpack_ex(json_array_get(list, i), &error, JSON_STRICT, "{s:s, s:I}", "name",
                           &name, "compute_units", &units) != 0 ||
            !plain_name(name, 63) || !bounded(units, 128)) {
            return wrong(r, index, "field 'kernels': a name and 1 to 128 compute_units each");
        }
        kernels[i].name = davit_arena_strdup(r->arena, name);
        kernels[i].compute_units = (uint32_t)units;
        if (kernels[i].name == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    out->kernels = kernels;
    out->kernel_count = count;
    return DAVIT_OK;
}

static davit_status read_banks(const reading *r, size_t index, const json_t *list,
                               davit_bitstream *out)
{
    size_t count = json_array_size(list);
    const char **banks = davit_arena_alloc_array(r->arena, count + 1, sizeof(*banks));
    if (banks == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || strlen(name) > 63 || count > 64) {
            return wrong(r, index, "field 'banks': up to 64 names are expected");
        }
        banks[i] = davit_arena_strdup(r->arena, name);
        if (banks[i] == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
    }
    out->banks = banks;
    out->bank_count = count;
    return DAVIT_OK;
}

static bool hash_ok(const char *text)
{
    return strlen(text) == DAVIT_BITSTREAM_HASH_HEX - 1 &&
           strspn(text, "0123456789abcdef") == DAVIT_BITSTREAM_HASH_HEX - 1;
}

static davit_status read_entry(const reading *r, size_t index, json_t *item, davit_bitstream *out)
{
    const char *name, *file, *platform, *hash, *uuid = NULL, *commit = "";
    int emulation;
    json_int_t abi, rows, columns, depth, clock;
    json_t *kernels, *banks;
    json_error_t error;
    if (json_unpack_ex(item, &error, JSON_STRICT,
                       "{s:s, s:s, s:s, s?s, s:s, s:b, s:I, s:{s:I, s:I, s:I}, s:I, s:o, s:o, s?s}",
                       "name", &name, "file", &file, "platform", &platform, "interface_uuid", &uuid,
                       "sha256", &hash, "emulation", &emulation, "abi_version", &abi, "array",
                       "rows", &rows, "columns", &columns, "depth", &depth, "clock_mhz", &clock,
                       "kernels", &kernels, "banks", &banks, "source_commit", &commit) != 0) {
        return wrong(r, index, error.text);
    }
    const struct {
        bool fine;
        const char *what;
    } checks[] = {
        {plain_name(name, 63),
         "field 'name': up to 63 letters, digits, '.', '_', '-' are expected"},
        {plain_name(file, 255),
         "field 'file': the name of a file in the manifest's folder is expected"},
        {platform[0] != '\0' && strlen(platform) < DAVIT_PLATFORM_BYTES,
         "field 'platform': 1 to 127 characters are expected"},
        {hash_ok(hash), "field 'sha256': 64 digits in lower case are expected"},
        {bounded(abi, 65535), "field 'abi_version': 1 to 65535 is expected"},
        {bounded(rows, 256) && bounded(columns, 64) && bounded(depth, 256),
         "field 'array': a size out of bounds"},
        {bounded(clock, 2000), "field 'clock_mhz': 1 to 2000 is expected"},
        {strlen(commit) <= 64, "field 'source_commit': up to 64 characters are expected"},
        {uuid == NULL || davit_uuid_read(uuid, out->interface_uuid),
         "field 'interface_uuid': a UUID in lower case is expected"},
        {json_is_array(kernels) && json_is_array(banks), "'kernels' and 'banks' must be lists"},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!checks[i].fine) {
            return wrong(r, index, checks[i].what);
        }
    }
    out->name = davit_arena_strdup(r->arena, name);
    out->file = davit_arena_strdup(r->arena, file);
    out->platform = davit_arena_strdup(r->arena, platform);
    out->source_commit = davit_arena_strdup(r->arena, commit);
    out->emulation = emulation != 0;
    memcpy(out->sha256, hash, sizeof(out->sha256));
    out->abi_version = (uint32_t)abi;
    out->rows = (uint32_t)rows;
    out->columns = (uint32_t)columns;
    out->depth = (uint32_t)depth;
    out->clock_mhz = (uint32_t)clock;
    if (out->name == NULL || out->file == NULL || out->platform == NULL ||
        out->source_commit == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = read_kernels(r, index, kernels, out);
    return status == DAVIT_OK ? read_banks(r, index, banks, out) : status;
}

static davit_status read_entries(const reading *r, json_t *root, davit_manifest *out)
{
    json_int_t version;
    json_t *list;
    json_error_t error;
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:I, s:o}", "schema_version", &version,
                       "bitstreams", &list) != 0) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: %s", r->path, error.text);
    }
    if (version != SCHEMA_VERSION || !json_is_array(list) ||
        json_array_size(list) > MAX_BITSTREAMS) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: schema_version %d and a list of up to %d bitstreams are expected",
                          r->path, SCHEMA_VERSION, MAX_BITSTREAMS);
    }
    out->count = json_array_size(list);
    out->bitstreams = davit_arena_alloc_array(r->arena, out->count + 1, sizeof(*out->bitstreams));
    davit_status status = out->bitstreams != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t i = 0; status == DAVIT_OK && i < out->count; i++) {
        status = read_entry(r, i, json_array_get(list, i), &out->bitstreams[i]);
    }
    if (status == DAVIT_OUT_OF_MEMORY) {
        return davit_fail(r->diag, status, "%s: out of memory", r->path);
    }
    return status;
}

static davit_status make_path(const char *folder, const char *file, const davit_diagnostics *diag,
                              char path[DAVIT_BITSTREAM_PATH_BYTES])
{
    int length = snprintf(path, DAVIT_BITSTREAM_PATH_BYTES, "%s/%s", folder, file);
    if (length < 0 || length >= DAVIT_BITSTREAM_PATH_BYTES) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "%s: the path is too long", folder);
    }
    return DAVIT_OK;
}

davit_status davit_manifest_read(davit_arena *arena, const char *folder,
                                 const davit_diagnostics *diag, davit_manifest *out)
{
    char path[DAVIT_BITSTREAM_PATH_BYTES];
    char *text;
    size_t bytes;
    davit_status status = make_path(folder, DAVIT_MANIFEST_FILE, diag, path);
    if (status == DAVIT_OK) {
        status =
            davit_read_file(arena->allocator, path, DAVIT_MANIFEST_MAX_BYTES, diag, &text, &bytes);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    json_error_t error;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    davit_free(arena->allocator, text);
    if (root == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: line %d: %s", path, error.line, error.text);
    }
    const reading r = {arena, path, diag};
    davit_manifest made = {0};
    (void)snprintf(made.folder, sizeof(made.folder), "%s", folder);
    status = read_entries(&r, root, &made);
    json_decref(root);
    if (status == DAVIT_OK) {
        *out = made;
    }
    return status;
}

/* ---- writing ---- */

static json_t *entry_json(const davit_bitstream *b)
{
    json_t *kernels = json_array();
    json_t *banks = json_array();
    for (size_t i = 0; i < b->kernel_count; i++) {
        json_array_append_new(kernels,
                              json_pack("{s:s, s:I}", "name", b->kernels[i].name, "compute_units",
                                        (json_int_t)b->kernels[i].compute_units));
    }
    for (size_t i = 0; i < b->bank_count; i++) {
        json_array_append_new(banks, json_string(b->banks[i]));
    }
    json_t *item =
        json_pack("{s:s, s:s, s:s}", "name", b->name, "file", b->file, "platform", b->platform);
    if (!davit_uuid_is_zero(b->interface_uuid)) {
        char uuid[DAVIT_XCLBIN_UUID_TEXT];
        davit_xclbin_uuid_text(b->interface_uuid, uuid);
        json_object_set_new(item, "interface_uuid", json_string(uuid));
    }
    json_t *rest = json_pack(
        "{s:s, s:b, s:I, s:{s:I, s:I, s:I}, s:I, s:o, s:o}", "sha256", b->sha256, "emulation",
        b->emulation, "abi_version", (json_int_t)b->abi_version, "array", "rows",
        (json_int_t)b->rows, "columns", (json_int_t)b->columns, "depth", (json_int_t)b->depth,
        "clock_mhz", (json_int_t)b->clock_mhz, "kernels", kernels, "banks", banks);
    json_object_update(item, rest);
    json_decref(rest);
    if (b->source_commit[0] != '\0') {
        json_object_set_new(item, "source_commit", json_string(b->source_commit));
    }
    return item;
}

/* Writes a new file beside the old one, then puts it in its place. */
static davit_status replace_file(const char *path, const char *text, const davit_diagnostics *diag)
{
    char temporary[DAVIT_BITSTREAM_PATH_BYTES];
    int length = snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    FILE *file = length > 0 && (size_t)length < sizeof(temporary) ? fopen(temporary, "w") : NULL;
    bool fine = file != NULL && fprintf(file, "%s\n", text) > 0;
    if (file != NULL) {
        fine = fflush(file) == 0 && fine;
        fine = fclose(file) == 0 && fine;
        fine = fine && rename(temporary, path) == 0;
    }
    if (!fine) {
        davit_status status =
            davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(errno));
        (void)unlink(temporary);
        return status;
    }
    return DAVIT_OK;
}

davit_status davit_manifest_write(const davit_manifest *manifest, const davit_diagnostics *diag)
{
    char path[DAVIT_BITSTREAM_PATH_BYTES];
    davit_status status = make_path(manifest->folder, DAVIT_MANIFEST_FILE, diag, path);
    if (status != DAVIT_OK) {
        return status;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < manifest->count; i++) {
        json_array_append_new(list, entry_json(&manifest->bitstreams[i]));
    }
    json_t *root = json_pack("{s:i, s:o}", "schema_version", SCHEMA_VERSION, "bitstreams", list);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (text == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", path);
    }
    status = replace_file(path, text, diag);
    free(text);
    return status;
}
