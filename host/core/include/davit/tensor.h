/* Tensors: data type, shape, strides, quantisation parameters, and the bytes. */
#ifndef DAVIT_TENSOR_H
#define DAVIT_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"
#include "davit/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_MAX_RANK 8
/* Greatest number of bytes a tensor may have: 2^40. What a model states beyond it is refused
 * before anything is allocated. */
#define DAVIT_MAX_TENSOR_BYTES ((uint64_t)1 << 40)

/* Element types. Values are those of ONNX's TensorProto.DataType, so that files need no table. */
typedef enum davit_dtype {
    DAVIT_DTYPE_NONE = 0,
    DAVIT_F32 = 1,
    DAVIT_U8 = 2,
    DAVIT_S8 = 3,
    DAVIT_U16 = 4,
    DAVIT_S16 = 5,
    DAVIT_S32 = 6,
    DAVIT_S64 = 7,
    DAVIT_STRING = 8, /* known by name only: no tensor holds strings */
    DAVIT_BOOL = 9,   /* one byte, 0 or 1 */
    DAVIT_F16 = 10,
    DAVIT_F64 = 11,
    DAVIT_U32 = 12,
    DAVIT_U64 = 13,
    DAVIT_C64 = 14,  /* known by name only */
    DAVIT_C128 = 15, /* known by name only */
    DAVIT_BF16 = 16,
    DAVIT_DTYPE_COUNT = 32 /* room for the later 4- and 8-bit types, known by name only */
} davit_dtype;

/* The name used in messages and JSON ("f32", "u8", "bool", "float8e4m3fn"); never NULL. */
DAVIT_API const char *davit_dtype_name(davit_dtype dtype);
/* Bytes of one element; 0 for types that no tensor can hold. */
DAVIT_API size_t davit_dtype_bytes(davit_dtype dtype);
/* True for f16, bf16, f32, f64. */
DAVIT_API bool davit_dtype_is_float(davit_dtype dtype);
/* True for the signed and unsigned integer types (not bool). */
DAVIT_API bool davit_dtype_is_integer(davit_dtype dtype);

/* IEEE conversions, round to nearest even, NaN kept quiet. Reentrant. */
DAVIT_API float davit_f16_to_f32(uint16_t half);
DAVIT_API uint16_t davit_f32_to_f16(float value);
/* f64 to f16 with a single rounding. */
DAVIT_API uint16_t davit_f64_to_f16(double value);
DAVIT_API float davit_bf16_to_f32(uint16_t value);
DAVIT_API uint16_t davit_f32_to_bf16(float value);

/* Linear quantisation: real = (q - zero_point) * scale, per tensor (count 1) or per slice along
 * axis. count 0: not quantised. Arrays are borrowed from whoever owns the description. */
typedef struct davit_quantization {
    const float *scale;
    const int32_t *zero_point; /* NULL: all 0 */
    size_t count;
    int axis;
} davit_quantization;

/* Shape and type. dims >= 0 and outermost first. strides in elements; see
 * davit_tensor_desc_dense and davit_tensor_desc_channels_last. A dimension of 0 makes an empty
 * tensor, rank 0 a scalar. */
typedef struct davit_tensor_desc {
    davit_dtype dtype;
    int rank;
    int64_t dims[DAVIT_MAX_RANK];
    int64_t strides[DAVIT_MAX_RANK];
    davit_quantization quantization;
} davit_tensor_desc;

/* Fills dense row-major strides. Returns DAVIT_INVALID_ARGUMENT for a rank above DAVIT_MAX_RANK or
 * a negative dimension, DAVIT_UNSUPPORTED for a type without bytes, DAVIT_OUT_OF_MEMORY when the
 * bytes exceed DAVIT_MAX_TENSOR_BYTES; *desc is then untouched. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_desc_dense(davit_tensor_desc *desc,
                                                               davit_dtype dtype, int rank,
                                                               const int64_t *dims);

/* Changes the strides of a rank-4 description [N, C, H, W] to the canonical layout between
 * devices, NHWC without padding; other ranks stay dense row-major. */
DAVIT_API void davit_tensor_desc_channels_last(davit_tensor_desc *desc);

DAVIT_API int64_t davit_tensor_desc_elems(const davit_tensor_desc *desc);
/* Bytes of the elements; every layout here is a permutation without gaps. */
DAVIT_API size_t davit_tensor_desc_bytes(const davit_tensor_desc *desc);
DAVIT_API bool davit_tensor_desc_is_dense(const davit_tensor_desc *desc);
DAVIT_API bool davit_tensor_desc_same_shape(const davit_tensor_desc *a, const davit_tensor_desc *b);

/* "1x3x224x224", "scalar" for rank 0; cut to fit. Returns text. */
DAVIT_API char *davit_shape_text(const int64_t *dims, int rank, char *text, size_t bytes);

/* A description with its bytes. data is owned unless borrowed is set. */
typedef struct davit_tensor {
    davit_tensor_desc desc;
    void *data;
    const davit_allocator *allocator; /* of data and of the tensor itself */
    bool borrowed;                    /* data belongs to somebody else */
    /* Borrowed from a mapped file: read-only, and f32 of rank 2 and more may begin at any byte, so
     * that its elements are read with memcpy (davit_tensor_f32) or from an aligned copy. */
    bool mapped;
} davit_tensor;

/* Element index of f32 elements that begin anywhere. */
static inline float davit_read_f32(const void *elems, size_t index)
{
    float value;
    memcpy(&value, (const char *)elems + index * sizeof(value), sizeof(value));
    return value;
}

static inline float davit_tensor_f32(const davit_tensor *tensor, size_t index)
{
    return davit_read_f32(tensor->data, index);
}

/* False for a mapped tensor that does not begin where its type must. */
DAVIT_API bool davit_tensor_is_aligned(const davit_tensor *tensor);

/* Gives the memory of a mapped tensor back until it is read again; nothing for any other. */
DAVIT_API void davit_tensor_rest(const davit_tensor *tensor);
/* The same for a part of it: whole pages within. */
DAVIT_API void davit_tensor_rest_part(const davit_tensor *tensor, const void *begin, size_t bytes);

/* Creates a dense tensor of zeros. *out is NULL on failure. Free with davit_tensor_destroy. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_create(const davit_allocator *allocator,
                                                           davit_dtype dtype, int rank,
                                                           const int64_t *dims,
                                                           davit_tensor **out);

/* The same with elements that hold anything. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_create_unset(const davit_allocator *allocator,
                                                                 davit_dtype dtype, int rank,
                                                                 const int64_t *dims,
                                                                 davit_tensor **out);

/* Creates a tensor over data that the caller owns and keeps alive. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_borrow(const davit_allocator *allocator,
                                                           const davit_tensor_desc *desc,
                                                           void *data, davit_tensor **out);

/* A dense row-major deep copy. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_clone(const davit_allocator *allocator,
                                                          const davit_tensor *tensor,
                                                          davit_tensor **out);

DAVIT_API void davit_tensor_destroy(davit_tensor *tensor);

/* Copies elements between two layouts of the same shape and type. Neither may alias the other.
 * Returns DAVIT_INVALID_ARGUMENT when shape or type differ. */
DAVIT_API DAVIT_NODISCARD davit_status davit_tensor_copy_layout(const davit_tensor_desc *from_desc,
                                                                const void *from,
                                                                const davit_tensor_desc *to_desc,
                                                                void *to);

#ifdef __cplusplus
}
#endif
#endif
