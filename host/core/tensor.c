#define _DEFAULT_SOURCE /* madvise */
#include "davit/tensor.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Fills dense row-major strides; the sizes were checked. */
static void set_dense_strides(davit_tensor_desc *desc)
{
    int64_t stride = 1;
    for (int i = desc->rank - 1; i >= 0; i--) {
        desc->strides[i] = stride;
        stride *= desc->dims[i] > 0 ? desc->dims[i] : 1;
    }
}

davit_status davit_tensor_desc_dense(davit_tensor_desc *desc, davit_dtype dtype, int rank,
                                     const int64_t *dims)
{
    if (rank < 0 || rank > DAVIT_MAX_RANK) {
        return DAVIT_INVALID_ARGUMENT;
    }
    size_t elem_bytes = davit_dtype_bytes(dtype);
    if (elem_bytes == 0) {
        return DAVIT_UNSUPPORTED;
    }
    uint64_t bytes = elem_bytes;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return DAVIT_INVALID_ARGUMENT;
        }
        /* Zeros are left out, so that the strides of an empty tensor cannot overflow either. */
        uint64_t extent = dims[i] > 0 ? (uint64_t)dims[i] : 1;
        if (extent > DAVIT_MAX_TENSOR_BYTES / bytes) {
            return DAVIT_OUT_OF_MEMORY;
        }
        bytes *= extent;
    }
    davit_tensor_desc result = {.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++) {
        result.dims[i] = dims[i];
    }
    set_dense_strides(&result);
    *desc = result;
    return DAVIT_OK;
}

void davit_tensor_desc_channels_last(davit_tensor_desc *desc)
{
    set_dense_strides(desc);
    if (desc->rank != 4) {
        return;
    }
    static const int order[] = {1, 3, 2, 0}; /* innermost first: C, W, H, N */
    int64_t stride = 1;
    for (int i = 0; i < 4; i++) {
        desc->strides[order[i]] = stride;
        stride *= desc->dims[order[i]] > 0 ? desc->dims[order[i]] : 1;
    }
}

int64_t davit_tensor_desc_elems(const davit_tensor_desc *desc)
{
    int64_t elems = 1;
    for (int i = 0; i < desc->rank; i++) {
        if (desc->dims[i] == 0) {
            return 0;
        }
    }
    for (int i = 0; i < desc->rank; i++) {
        elems *= desc->dims[i];
    }
    return elems;
}

size_t davit_tensor_desc_bytes(const davit_tensor_desc *desc)
{
    return (size_t)davit_tensor_desc_elems(desc) * davit_dtype_bytes(desc->dtype);
}

bool davit_tensor_desc_is_dense(const davit_tensor_desc *desc)
{
    int64_t stride = 1;
    for (int i = desc->rank - 1; i >= 0; i--) {
        if (desc->dims[i] > 1 && desc->strides[i] != stride) {
            return false;
        }
        stride *= desc->dims[i] > 0 ? desc->dims[i] : 1;
    }
    return true;
}

bool davit_tensor_desc_same_shape(const davit_tensor_desc *a, const davit_tensor_desc *b)
{
    if (a->rank != b->rank) {
        return false;
    }
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return false;
        }
    }
    return true;
}

char *davit_shape_text(const int64_t *dims, int rank, char *text, size_t bytes)
{
    if (bytes == 0) {
        return text;
    }
    if (rank == 0) {
        snprintf(text, bytes, "scalar");
        return text;
    }
    text[0] = '\0';
    size_t used = 0;
    for (int i = 0; i < rank && used < bytes; i++) {
        int length = snprintf(text + used, bytes - used, "%s%lld", i > 0 ? "x" : "",
                              (long long)dims[i]);
        if (length < 0) {
            break;
        }
        used += (size_t)length;
    }
    return text;
}

static davit_status wrap(const davit_allocator *allocator, const davit_tensor_desc *desc,
                         davit_tensor **out)
{
    davit_tensor *tensor = davit_alloc(allocator, sizeof(*tensor));
    if (tensor == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    tensor->desc = *desc;
    tensor->allocator = allocator;
    *out = tensor;
    return DAVIT_OK;
}

davit_status davit_tensor_create_unset(const davit_allocator *allocator, davit_dtype dtype,
                                       int rank, const int64_t *dims, davit_tensor **out)
{
    *out = NULL;
    davit_tensor_desc desc;
    davit_status status = davit_tensor_desc_dense(&desc, dtype, rank, dims);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_tensor *tensor;
    status = wrap(allocator, &desc, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    tensor->data = davit_alloc_uninitialized(allocator, davit_tensor_desc_bytes(&desc));
    if (tensor->data == NULL) {
        davit_free(allocator, tensor);
        return DAVIT_OUT_OF_MEMORY;
    }
    *out = tensor;
    return DAVIT_OK;
}

davit_status davit_tensor_create(const davit_allocator *allocator, davit_dtype dtype, int rank,
                                 const int64_t *dims, davit_tensor **out)
{
    davit_status status = davit_tensor_create_unset(allocator, dtype, rank, dims, out);
    if (status == DAVIT_OK) {
        memset((*out)->data, 0, davit_tensor_desc_bytes(&(*out)->desc));
    }
    return status;
}

davit_status davit_tensor_borrow(const davit_allocator *allocator, const davit_tensor_desc *desc,
                                 void *data, davit_tensor **out)
{
    *out = NULL;
    davit_tensor *tensor;
    davit_status status = wrap(allocator, desc, &tensor);
    if (status != DAVIT_OK) {
        return status;
    }
    tensor->data = data;
    tensor->borrowed = true;
    *out = tensor;
    return DAVIT_OK;
}

davit_status davit_tensor_clone(const davit_allocator *allocator, const davit_tensor *tensor,
                                davit_tensor **out)
{
    davit_tensor *copy;
    *out = NULL;
    davit_status status = davit_tensor_create(allocator, tensor->desc.dtype, tensor->desc.rank,
                                              tensor->desc.dims, &copy);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_tensor_copy_layout(&tensor->desc, tensor->data, &copy->desc, copy->data);
    if (status != DAVIT_OK) {
        davit_tensor_destroy(copy);
        return status;
    }
    *out = copy;
    return DAVIT_OK;
}

bool davit_tensor_is_aligned(const davit_tensor *tensor)
{
    size_t bytes = davit_dtype_bytes(tensor->desc.dtype);
    return bytes == 0 || (uintptr_t)tensor->data % bytes == 0;
}

void davit_tensor_rest_part(const davit_tensor *tensor, const void *begin, size_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)begin + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)begin + bytes) / page * page;
    if (tensor->mapped && first < end) {
        /* A hint: nothing depends on it. posix_madvise does nothing here in glibc. */
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
    }
}

void davit_tensor_rest(const davit_tensor *tensor)
{
    davit_tensor_rest_part(tensor, tensor->data, davit_tensor_desc_bytes(&tensor->desc));
}

void davit_tensor_destroy(davit_tensor *tensor)
{
    if (tensor == NULL) {
        return;
    }
    if (!tensor->borrowed) {
        davit_free(tensor->allocator, tensor->data);
    }
    davit_free(tensor->allocator, tensor);
}
