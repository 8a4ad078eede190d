/* Rules of operators whose result's shape depends on values, shared by inference and kernels so
 * that both always agree. All functions are reentrant. */
#ifndef DAVIT_SHAPE_RULES_H
#define DAVIT_SHAPE_RULES_H

#include "davit/allocator.h"
#include "davit/tensor.h"

/* ONNX Slice along one dimension of dim elements: makes *start the first element taken and returns
 * how many are taken (0: none, *start then without meaning). Negative positions count from the end,
 * what lies beyond is clamped. step is not 0; a step beyond dim takes one element. */
int64_t davit_slice_resolve(int64_t dim, int64_t *start, int64_t end, int64_t step);

/* ONNX Unique: the distinct slices of a tensor along an axis. All arrays are owned; free with
 * davit_unique_free. */
typedef struct davit_unique {
    const davit_allocator *allocator;
    int64_t slice_count; /* slices in the tensor */
    int64_t count;       /* distinct ones */
    int64_t *first;      /* [count] where each first occurs */
    int64_t *inverse;    /* [slice_count] which distinct one each slice is */
    int64_t *repeats;    /* [count] how often each occurs */
} davit_unique;

/* Finds them: slices along axis, or single elements of the flattened tensor for axis -1; in
 * ascending order (lexicographic; NaN last, equal to itself) when is_sorted is set, else in order
 * of first occurrence. The tensor is dense. *out is zeroed on failure (DAVIT_OUT_OF_MEMORY). */
DAVIT_NODISCARD davit_status davit_unique_find(const davit_allocator *allocator,
                                               const davit_tensor *tensor, int axis, bool is_sorted,
                                               davit_unique *out);
void davit_unique_free(davit_unique *unique);

/* ONNX NonMaxSuppression's inputs, in f32. */
typedef struct davit_box_query {
    const float *boxes;  /* [batches][boxes][4]: two corners y, x; or centre x, y, width, height */
    const float *scores; /* [batches][classes][boxes] */
    int64_t batch_count;
    int64_t class_count;
    int64_t box_count;
    int64_t limit;         /* boxes selected for each batch and class, at most */
    float iou_threshold;   /* a box that overlaps a selected one by more is dropped */
    float score_threshold; /* boxes at or below it are dropped; -INFINITY drops none */
    bool is_center;
} davit_box_query;

/* Selects boxes for each batch and class by descending score (equal scores: lower index first).
 * *selected is an owned array of *count triples (batch, class, box), NULL when there is none; free
 * with davit_free. Both are untouched on failure (DAVIT_OUT_OF_MEMORY). */
DAVIT_NODISCARD davit_status davit_select_boxes(const davit_allocator *allocator,
                                                const davit_box_query *query, int64_t **selected,
                                                size_t *count);

/* Fills a query from the inputs of a NonMaxSuppression node (NULL for absent ones); shapes and
 * types were checked. */
davit_box_query davit_box_query_make(const davit_tensor *const inputs[5], bool is_center);

#endif
