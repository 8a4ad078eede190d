#include "npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "\x93NUMPY"
enum { MAGIC_BYTES = 6, MAX_HEADER_BYTES = 65536 };

typedef struct npy_type {
    const char *descr;
    davit_dtype dtype;
} npy_type;

static const npy_type types[] = {
    {"<f4", DAVIT_F32}, {"<f8", DAVIT_F64}, {"<f2", DAVIT_F16}, {"|b1", DAVIT_BOOL},
    {"|i1", DAVIT_S8},  {"<i2", DAVIT_S16}, {"<i4", DAVIT_S32}, {"<i8", DAVIT_S64},
    {"|u1", DAVIT_U8},  {"<u2", DAVIT_U16}, {"<u4", DAVIT_U32}, {"<u8", DAVIT_U64},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

typedef struct npy_header {
    davit_dtype dtype;
    bool fortran;
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
} npy_header;

/* The text after 'key': in the header's dictionary, or NULL. */
static const char *find_key(const char *text, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof(quoted), "'%s':", key);
    const char *at = strstr(text, quoted);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static bool parse_shape(const char *text, npy_header *header)
{
    if (text == NULL || *text++ != '(') {
        return false;
    }
    for (;;) {
        text += strspn(text, " ,");
        if (*text == ')') {
            return true;
        }
        char *end;
        errno = 0;
        long long extent = strtoll(text, &end, 10);
        if (errno != 0 || end == text || extent < 0 || header->rank == DAVIT_MAX_RANK) {
            return false;
        }
        header->dims[header->rank++] = extent;
        text = *end == 'L' ? end + 1 : end;
    }
}

static davit_status parse_header(const char *path, const char *text, npy_header *header,
                                 const davit_diagnostics *diag)
{
    const char *descr = find_key(text, "descr");
    const char *order = find_key(text, "fortran_order");
    memset(header, 0, sizeof(*header));
    if (descr == NULL || order == NULL || !parse_shape(find_key(text, "shape"), header)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: malformed .npy header", path);
    }
    header->fortran = strncmp(order, "True", 4) == 0;
    for (size_t i = 0; i < TYPES; i++) {
        size_t length = strlen(types[i].descr);
        if (*descr == '\'' && strncmp(descr + 1, types[i].descr, length) == 0 &&
            descr[1 + length] == '\'') {
            header->dtype = types[i].dtype;
            return DAVIT_OK;
        }
    }
    return davit_fail(diag, DAVIT_UNSUPPORTED,
                      "%s: element type %.12s is not supported (little-endian bool, integer or "
                      "float of up to 8 bytes is)",
                      path, descr);
}

/* Reads magic, version and header text. */
static davit_status read_header(FILE *file, const char *path, npy_header *header,
                                const davit_diagnostics *diag)
{
    unsigned char head[12];
    if (fread(head, 1, 10, file) != 10 || memcmp(head, MAGIC, MAGIC_BYTES) != 0) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: not a .npy file", path);
    }
    size_t length = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] >= 2) {
        if (fread(head + 10, 1, 2, file) != 2) {
            return davit_fail(diag, DAVIT_BAD_DATA, "%s: the .npy header is cut off", path);
        }
        length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (head[6] < 1 || head[6] > 3 || length > MAX_HEADER_BYTES) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: malformed .npy header", path);
    }
    char *text = malloc(length + 1);
    if (text == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", path);
    }
    davit_status status;
    if (fread(text, 1, length, file) != length) {
        status = davit_fail(diag, DAVIT_BAD_DATA, "%s: the .npy header is cut off", path);
    } else {
        text[length] = '\0';
        status = parse_header(path, text, header, diag);
    }
    free(text);
    return status;
}

/* Turns Fortran order into C order. */
static davit_status to_c_order(davit_tensor **tensor)
{
    davit_tensor_desc *desc = &(*tensor)->desc;
    davit_tensor_desc dense = *desc;
    int64_t stride = 1;
    for (int i = 0; i < desc->rank; i++) {
        desc->strides[i] = stride;
        stride *= desc->dims[i] > 0 ? desc->dims[i] : 1;
    }
    davit_tensor *ordered;
    davit_status status = davit_tensor_clone((*tensor)->allocator, *tensor, &ordered);
    *desc = dense;
    if (status == DAVIT_OK) {
        davit_tensor_destroy(*tensor);
        *tensor = ordered;
    }
    return status;
}

static davit_status read_body(FILE *file, const char *path, const npy_header *header,
                              const davit_diagnostics *diag, davit_tensor **out)
{
    davit_tensor_desc desc;
    davit_status status =
        davit_tensor_desc_dense(&desc, header->dtype, header->rank, header->dims);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "%s: the array is too large", path);
    }
    struct stat info;
    long position = ftell(file);
    size_t bytes = davit_tensor_desc_bytes(&desc);
    if (fstat(fileno(file), &info) != 0 || position < 0 ||
        (S_ISREG(info.st_mode) && (uint64_t)(info.st_size - position) < bytes)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: the file is shorter than its shape says",
                          path);
    }
    davit_tensor *tensor;
    status = davit_tensor_create(davit_allocator_default(), desc.dtype, desc.rank, desc.dims,
                                 &tensor);
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "%s: out of memory", path);
    }
    if (fread(tensor->data, 1, bytes, file) != bytes) {
        status = davit_fail(diag, DAVIT_BAD_DATA, "%s: the file is shorter than its shape says",
                            path);
    } else if (header->fortran && desc.rank > 1) {
        status = to_c_order(&tensor);
    }
    if (status != DAVIT_OK) {
        davit_tensor_destroy(tensor);
        return status;
    }
    *out = tensor;
    return DAVIT_OK;
}

davit_status cli_npy_read(const char *path, const davit_diagnostics *diag, davit_tensor **out)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return davit_fail(diag, errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR, "%s: %s", path,
                          strerror(errno));
    }
    npy_header header;
    davit_status status = read_header(file, path, &header, diag);
    if (status == DAVIT_OK) {
        status = read_body(file, path, &header, diag, out);
    }
    fclose(file);
    return status;
}

static const char *descr_of(davit_dtype dtype)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].dtype == dtype) {
            return types[i].descr;
        }
    }
    return NULL;
}

/* The header: a multiple of 64 bytes long with its magic, ending in a newline. */
static bool write_header(FILE *file, const davit_tensor_desc *desc, const char *descr)
{
    char text[512];
    int length = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr);
    for (int i = 0; i < desc->rank; i++) {
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%lld",
                           i > 0 ? ", " : "", (long long)desc->dims[i]);
    }
    length += snprintf(text + length, sizeof(text) - (size_t)length, "%s), }",
                       desc->rank == 1 ? "," : "");
    int padded = (10 + length + 1 + 63) / 64 * 64 - 10;
    unsigned char head[10] = MAGIC "\x01";
    head[8] = (unsigned char)(padded & 0xff);
    head[9] = (unsigned char)(padded >> 8);
    return fwrite(head, 1, sizeof(head), file) == sizeof(head) &&
           fprintf(file, "%s%*s\n", text, padded - length - 1, "") == padded;
}

static bool write_body(FILE *file, const davit_tensor *tensor)
{
    if (tensor->desc.dtype != DAVIT_BF16) {
        size_t bytes = davit_tensor_desc_bytes(&tensor->desc);
        return fwrite(tensor->data, 1, bytes, file) == bytes;
    }
    int64_t elems = davit_tensor_desc_elems(&tensor->desc);
    for (int64_t i = 0; i < elems; i++) {
        float value = davit_bf16_to_f32(((const uint16_t *)tensor->data)[i]);
        if (fwrite(&value, sizeof(value), 1, file) != 1) {
            return false;
        }
    }
    return true;
}

davit_status cli_npy_write(const char *path, const davit_tensor *tensor,
                           const davit_diagnostics *diag)
{
    davit_dtype dtype = tensor->desc.dtype;
    const char *descr = descr_of(dtype == DAVIT_BF16 ? DAVIT_F32 : dtype);
    if (descr == NULL) {
        return davit_fail(diag, DAVIT_UNSUPPORTED, "%s: .npy has no element type for %s", path,
                          davit_dtype_name(dtype));
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", path, strerror(errno));
    }
    bool written = write_header(file, &tensor->desc, descr) && write_body(file, tensor);
    written = fclose(file) == 0 && written;
    return written ? DAVIT_OK
                   : davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot write: %s", path,
                                strerror(errno));
}
