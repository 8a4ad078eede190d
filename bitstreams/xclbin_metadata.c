/* The XML of EMBEDDED_METADATA: kernels, their arguments, their instances. */
#include <errno.h>
#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/xclbin.h"

enum {
    MAX_KERNELS = 256,
    MAX_ARGUMENTS = 256,
    MAX_INSTANCES = 1024,
    MAX_DEPTH = 32,
    MAX_NAME = 128,
    MAX_XML = 64 << 20
};

typedef struct reading {
    XML_Parser parser;
    davit_arena *arena;
    const char *name;
    const davit_diagnostics *diag;
    davit_status status;
    int depth;
    int kernel_depth, instance_depth; /* of the open element; 0: none */
    bool based;                       /* the open instance has its address */
    davit_xclbin_kernel *kernels;
    davit_xclbin_argument *arguments; /* of the open kernel */
    davit_xclbin_compute_unit *instances;
    size_t kernel_count, argument_count, instance_count;
} reading;

static void refuse(reading *r, davit_status status, const char *what, const char *detail)
{
    if (r->status == DAVIT_OK) {
        r->status = davit_fail(r->diag, status, "%s: metadata, line %lu: %s%s", r->name,
                               (unsigned long)XML_GetCurrentLineNumber(r->parser), what, detail);
    }
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
    for (; *attributes != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) {
            return attributes[1];
        }
    }
    return NULL;
}

/* An attribute that is a number, decimal or 0x..., of at most max. */
static bool number(reading *r, const char **attributes, const char *name, uint64_t max,
                   uint64_t *value)
{
    const char *text = attribute(attributes, name);
    if (text == NULL || *text < '0' || *text > '9') {
        refuse(r, DAVIT_BAD_DATA, "a number is expected in attribute ", name);
        return false;
    }
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0' || *value > max) {
        refuse(r, DAVIT_BAD_DATA, "a number is expected in attribute ", name);
        return false;
    }
    return true;
}

static const char *name_of(reading *r, const char **attributes)
{
    const char *text = attribute(attributes, "name");
    if (text == NULL || *text == '\0' || strlen(text) > MAX_NAME) {
        refuse(r, DAVIT_BAD_DATA, "an element without a (short) name", "");
        return NULL;
    }
    const char *copy = davit_arena_strdup(r->arena, text);
    if (copy == NULL) {
        refuse(r, DAVIT_OUT_OF_MEMORY, "out of memory", "");
    }
    return copy;
}

static void open_kernel(reading *r, const char **attributes)
{
    const char *name = name_of(r, attributes);
    if (name == NULL) {
        return;
    }
    if (r->kernel_count == MAX_KERNELS) {
        refuse(r, DAVIT_BAD_DATA, "too many kernels", "");
        return;
    }
    r->kernels[r->kernel_count].name = name;
    r->argument_count = 0;
    r->kernel_depth = r->depth;
}

static void add_argument(reading *r, const char **attributes)
{
    const char *id = attribute(attributes, "id");
    if (id == NULL || *id == '\0') {
        return; /* of the tools, not of the kernel's signature */
    }
    uint64_t index, offset, bytes, qualifier;
    if (!number(r, attributes, "id", MAX_ARGUMENTS - 1, &index) ||
        !number(r, attributes, "offset", UINT32_MAX, &offset) ||
        !number(r, attributes, "size", UINT32_MAX, &bytes) ||
        !number(r, attributes, "addressQualifier", 16, &qualifier)) {
        return;
    }
    if (r->argument_count == MAX_ARGUMENTS) {
        refuse(r, DAVIT_BAD_DATA, "too many arguments", "");
        return;
    }
    const char *name = name_of(r, attributes);
    if (name != NULL) {
        r->arguments[r->argument_count++] = (davit_xclbin_argument){
            .name = name,
            .index = (uint32_t)index,
            .offset = (uint32_t)offset,
            .bytes = (uint32_t)bytes,
            .is_pointer = qualifier == 1 || qualifier == 2,
        };
    }
}

static void open_instance(reading *r, const char **attributes)
{
    const char *name = name_of(r, attributes);
    if (name == NULL) {
        return;
    }
    if (r->instance_count == MAX_INSTANCES) {
        refuse(r, DAVIT_BAD_DATA, "too many compute units", "");
        return;
    }
    r->instances[r->instance_count] =
        (davit_xclbin_compute_unit){.name = name, .kernel = r->kernel_count};
    r->instance_depth = r->depth;
    r->based = false;
}

static void XMLCALL start_element(void *user, const char *element, const char **attributes)
{
    reading *r = user;
    if (r->status != DAVIT_OK) {
        return; /* expat may still call after XML_StopParser */
    }
    if (++r->depth > MAX_DEPTH) {
        refuse(r, DAVIT_BAD_DATA, "too many levels", "");
    } else if (r->kernel_depth == 0) {
        if (strcmp(element, "kernel") == 0) {
            open_kernel(r, attributes);
        }
    } else if (strcmp(element, "arg") == 0 && r->depth == r->kernel_depth + 1) {
        add_argument(r, attributes);
    } else if (strcmp(element, "instance") == 0 && r->depth == r->kernel_depth + 1) {
        open_instance(r, attributes);
    } else if (strcmp(element, "addrRemap") == 0 && r->instance_depth != 0 && !r->based) {
        r->based = number(r, attributes, "base", UINT64_MAX,
                          &r->instances[r->instance_count].base_address);
    }
}

static int by_index(const void *a, const void *b)
{
    const davit_xclbin_argument *left = a, *right = b;
    return (left->index > right->index) - (left->index < right->index);
}

static void close_kernel(reading *r)
{
    davit_xclbin_kernel *kernel = &r->kernels[r->kernel_count];
    davit_xclbin_argument *arguments =
        davit_arena_alloc_array(r->arena, r->argument_count + 1, sizeof(*arguments));
    if (arguments == NULL) {
        refuse(r, DAVIT_OUT_OF_MEMORY, "out of memory", "");
        return;
    }
    if (r->argument_count > 0) {
        memcpy(arguments, r->arguments, r->argument_count * sizeof(*arguments));
        qsort(arguments, r->argument_count, sizeof(*arguments), by_index);
    }
    for (size_t i = 1; i < r->argument_count; i++) {
        if (arguments[i].index == arguments[i - 1].index) {
            refuse(r, DAVIT_BAD_DATA, "two arguments have one id in kernel ", kernel->name);
            return;
        }
    }
    kernel->arguments = arguments;
    kernel->argument_count = r->argument_count;
    r->kernel_count++;
    r->kernel_depth = 0;
}

static void XMLCALL end_element(void *user, const char *element)
{
    (void)element;
    reading *r = user;
    if (r->status != DAVIT_OK) {
        return;
    }
    if (r->depth == r->instance_depth) {
        r->instance_count += r->based; /* free-running kernels have no registers */
        r->instance_depth = 0;
    } else if (r->depth == r->kernel_depth) {
        close_kernel(r);
    }
    r->depth--;
}

/* Entities are of no use here, and what attacks on XML parsers are made of. */
static void XMLCALL start_doctype(void *user, const char *doctype, const char *system,
                                  const char *public_id, int internal)
{
    (void)doctype;
    (void)system;
    (void)public_id;
    (void)internal;
    refuse(user, DAVIT_BAD_DATA, "a document type is not allowed", "");
}

static davit_status parse(reading *r, const void *xml, size_t count)
{
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, start_element, end_element);
    XML_SetStartDoctypeDeclHandler(r->parser, start_doctype);
    const enum XML_Status parsed = XML_Parse(r->parser, xml, (int)count, XML_TRUE);
    if (r->status == DAVIT_OK && parsed != XML_STATUS_OK) {
        refuse(r, DAVIT_BAD_DATA, "", XML_ErrorString(XML_GetErrorCode(r->parser)));
    }
    return r->status;
}

static bool same_names(const davit_xclbin_kernel *kernels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(kernels[i].name, kernels[j].name) == 0) {
                return true;
            }
        }
    }
    return false;
}

davit_status davit_xclbin_read_metadata(davit_arena *arena, const char *name, const void *xml,
                                        size_t count, const davit_diagnostics *diag,
                                        davit_xclbin *out)
{
    /* What writes the section may end it with NULs. */
    while (count > 0 && ((const char *)xml)[count - 1] == '\0') {
        count--;
    }
    if (count > MAX_XML) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: metadata: too large", name);
    }
    reading r = {.arena = arena, .name = name, .diag = diag};
    r.kernels = davit_arena_alloc_array(arena, MAX_KERNELS, sizeof(*r.kernels));
    r.arguments = davit_arena_alloc_array(arena, MAX_ARGUMENTS, sizeof(*r.arguments));
    r.instances = davit_arena_alloc_array(arena, MAX_INSTANCES, sizeof(*r.instances));
    r.parser = XML_ParserCreate(NULL);
    if (r.kernels == NULL || r.arguments == NULL || r.instances == NULL || r.parser == NULL) {
        if (r.parser != NULL) {
            XML_ParserFree(r.parser);
        }
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", name);
    }
    davit_status status = parse(&r, xml, count);
    XML_ParserFree(r.parser);
    if (status == DAVIT_OK && same_names(r.kernels, r.kernel_count)) {
        status = davit_fail(diag, DAVIT_BAD_DATA, "%s: metadata: two kernels of one name", name);
    }
    if (status == DAVIT_OK) {
        *out = (davit_xclbin){
            .platform = "",
            .kernels = r.kernels,
            .kernel_count = r.kernel_count,
            .compute_units = r.instances,
            .compute_unit_count = r.instance_count,
        };
    }
    return status;
}
