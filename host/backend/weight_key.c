#define _GNU_SOURCE /* dl_iterate_phdr */
#include "weight_key.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define PIECE_BYTES ((size_t)1 << 20) /* hashed before it is given back */

/* ---- what packs ---- */

static void add_u64(davit_content_hash *hash, uint64_t value)
{
    davit_content_hash_add(hash, &value, sizeof(value));
}

static void add_text(davit_content_hash *hash, const char *text)
{
    davit_content_hash_add(hash, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

typedef struct search {
    uintptr_t address;
    davit_content_hash *hash;
    bool found;
} search;

/* Notes are a header, a name and a description, both padded to four bytes. */
static bool add_build_id(const char *note, size_t bytes, davit_content_hash *hash)
{
    ElfW(Nhdr) head;
    while (bytes >= sizeof(head)) {
        memcpy(&head, note, sizeof(head));
        const size_t name = ((size_t)head.n_namesz + 3) / 4 * 4;
        const size_t text = ((size_t)head.n_descsz + 3) / 4 * 4;
        if (name > bytes - sizeof(head) || text > bytes - sizeof(head) - name) {
            return false;
        }
        if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof(ELF_NOTE_GNU) &&
            memcmp(note + sizeof(head), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
            davit_content_hash_add(hash, note + sizeof(head) + name, head.n_descsz);
            return true;
        }
        note += sizeof(head) + name + text;
        bytes -= sizeof(head) + name + text;
    }
    return false;
}

/* Where there is no build identifier: patchelf, which makes wheels, may lose it. */
static bool add_file(const char *path, davit_content_hash *hash)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return false;
    }
    const uint64_t identity[] = {info.st_dev, info.st_ino, (uint64_t)info.st_size,
                                 (uint64_t)info.st_mtim.tv_sec, (uint64_t)info.st_mtim.tv_nsec};
    add_text(hash, path);
    davit_content_hash_add(hash, identity, sizeof(identity));
    return true;
}

/* Stops at the object that holds the address. */
static int look_into(struct dl_phdr_info *object, size_t size, void *user)
{
    search *s = user;
    bool holds = false;
    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        holds = holds || (part->p_type == PT_LOAD &&
                          s->address - (object->dlpi_addr + part->p_vaddr) < part->p_memsz);
    }
    for (size_t i = 0; holds && !s->found && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type == PT_NOTE) {
            s->found = add_build_id((const char *)(object->dlpi_addr + part->p_vaddr),
                                    part->p_memsz, s->hash);
        }
    }
    if (holds && !s->found) {
        const bool program = object->dlpi_name[0] == '\0';
        s->found = add_file(program ? "/proc/self/exe" : object->dlpi_name, s->hash);
    }
    return holds ? 1 : 0;
}

/* Adds the build of the program or library that holds the address: a version does not change with
 * every build. False where nothing tells it from another one. */
static bool add_build(davit_content_hash *hash, const void *address)
{
    search s = {.address = (uintptr_t)address, .hash = hash};
    (void)dl_iterate_phdr(look_into, &s);
    return s.found;
}

/* Layouts depend on instruction sets and on the sizes of caches. */
static void add_processor(davit_content_hash *hash)
{
#if defined(__x86_64__)
    static const unsigned leaves[][2] = {
        {0, 0}, {1, 0}, {4, 0},          {4, 1},          {4, 2},          {4, 3},
        {7, 0}, {7, 1}, {0x8000001d, 0}, {0x8000001d, 1}, {0x8000001d, 2}, {0x8000001d, 3}};
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        unsigned r[4] = {0};
        (void)__get_cpuid_count(leaves[i][0], leaves[i][1], &r[0], &r[1], &r[2], &r[3]);
        if (leaves[i][0] == 1) {
            r[1] = 0; /* which processor this thread runs on */
        }
        davit_content_hash_add(hash, r, sizeof(r));
    }
#else
    (void)hash;
#endif
}

/* ---- what is packed ---- */

static void add_shape(davit_content_hash *hash, const davit_tensor_desc *desc)
{
    const size_t rank = (size_t)desc->rank;
    add_u64(hash, (uint64_t)desc->dtype << 32 | (uint64_t)rank);
    davit_content_hash_add(hash, desc->dims, rank * sizeof(*desc->dims));
    davit_content_hash_add(hash, desc->strides, rank * sizeof(*desc->strides));
}

static void add_tensor(davit_content_hash *hash, const davit_tensor *tensor)
{
    size_t bytes = davit_tensor_desc_bytes(&tensor->desc);
    add_shape(hash, &tensor->desc);
    for (size_t first = 0; first < bytes; first += PIECE_BYTES) {
        const char *piece = (const char *)tensor->data + first;
        size_t count = bytes - first < PIECE_BYTES ? bytes - first : PIECE_BYTES;
        davit_content_hash_add(hash, piece, count);
        davit_tensor_rest_part(tensor, piece, count);
    }
}

static void add_attribute(davit_content_hash *hash, const davit_attribute *a)
{
    add_text(hash, a->name);
    add_u64(hash, (uint64_t)a->type << 48 | (uint64_t)a->count);
    switch (a->type) {
    case DAVIT_ATTRIBUTE_INT:
        add_u64(hash, (uint64_t)a->u.i);
        break;
    case DAVIT_ATTRIBUTE_FLOAT:
        davit_content_hash_add(hash, &a->u.f, sizeof(a->u.f));
        break;
    case DAVIT_ATTRIBUTE_STRING:
        add_text(hash, a->u.s);
        break;
    case DAVIT_ATTRIBUTE_INTS:
        davit_content_hash_add(hash, a->u.ints, a->count * sizeof(*a->u.ints));
        break;
    case DAVIT_ATTRIBUTE_FLOATS:
        davit_content_hash_add(hash, a->u.floats, a->count * sizeof(*a->u.floats));
        break;
    case DAVIT_ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < a->count; i++) {
            add_text(hash, a->u.strings[i]);
        }
        break;
    case DAVIT_ATTRIBUTE_TENSOR:
        add_tensor(hash, a->u.tensor);
        break;
    default:
        break;
    }
}

/* Calls take for each value that a node of the program reads or makes. */
static void each_value(const davit_program_spec *spec,
                       void (*take)(void *user, const davit_node *node, davit_value_id id),
                       void *user)
{
    const davit_graph *graph = spec->graph;
    for (size_t u = 0; u < spec->unit_count; u++) {
        const davit_unit *unit = &graph->units[spec->units[u]];
        for (uint32_t n = 0; n < unit->node_count; n++) {
            const davit_node *node = &graph->nodes[unit->nodes[n]];
            take(user, node, DAVIT_NONE);
            for (uint32_t i = 0; i < node->input_count; i++) {
                take(user, node, node->inputs[i]);
            }
            for (uint32_t i = 0; i < node->output_count; i++) {
                take(user, node, node->outputs[i]);
            }
        }
    }
}

typedef struct walk {
    const davit_graph *graph;
    davit_content_hash *hash;
    bool *seen; /* [value_count] */
    size_t bytes;
} walk;

/* A node begins with no value. Of constants that were seen only the number is added. */
static void add_value(void *user, const davit_node *node, davit_value_id id)
{
    walk *w = user;
    add_u64(w->hash, id);
    if (id == DAVIT_NONE) {
        add_text(w->hash, node->op->name);
        for (uint32_t i = 0; i < node->attribute_count; i++) {
            add_attribute(w->hash, &node->attributes[i]);
        }
        return;
    }
    const davit_value *value = &w->graph->values[id];
    if (!w->seen[id]) {
        w->seen[id] = true;
        add_shape(w->hash, &value->desc);
        if (value->constant != NULL) {
            add_tensor(w->hash, value->constant);
        }
    }
}

static void count_value(void *user, const davit_node *node, davit_value_id id)
{
    walk *w = user;
    (void)node;
    if (id != DAVIT_NONE && w->graph->values[id].constant != NULL) {
        w->bytes += davit_tensor_desc_bytes(&w->graph->values[id].constant->desc);
    }
}

size_t davit_weight_constant_bytes(const davit_program_spec *spec)
{
    walk w = {.graph = spec->graph};
    each_value(spec, count_value, &w);
    return w.bytes;
}

static void add_ios(davit_content_hash *hash, const davit_program_io *ios, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_u64(hash, ios[i].value);
        add_shape(hash, &ios[i].desc);
    }
}

davit_status davit_weight_key_add(const davit_allocator *allocator, const davit_program_spec *spec,
                                  const char *depends, const void *library,
                                  davit_content_hash *hash)
{
    static const char here;
    if (!add_build(hash, &here) || !add_build(hash, library)) {
        return DAVIT_UNAVAILABLE;
    }
    walk w = {.graph = spec->graph,
              .hash = hash,
              .seen = davit_alloc_array(allocator, spec->graph->value_count, sizeof(*w.seen))};
    if (w.seen == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    add_processor(hash);
    add_text(hash, depends);
    add_ios(hash, spec->inputs, spec->input_count);
    add_ios(hash, spec->outputs, spec->output_count);
    for (size_t u = 0; u < spec->unit_count; u++) {
        add_u64(hash, spec->graph->units[spec->units[u]].node_count);
        add_text(hash, spec->kernels != NULL ? spec->kernels[u] : NULL);
    }
    each_value(spec, add_value, &w);
    davit_free(allocator, w.seen);
    return DAVIT_OK;
}
