/* Attention in one step: softmax(scale * Q K^T + mask) V, a head and a block of queries at a time,
 * so that scores never leave the cache, with the transpositions of heads done by reading and
 * writing in strides. */
#ifndef DAVIT_ONEDNN_ATTENTION_H
#define DAVIT_ONEDNN_ATTENTION_H

#include "group.h"

/* One head; strides in elements. */
typedef struct davit_attention {
    int64_t queries, keys, depth, width; /* depth: of Q and K, width: of V */
    int64_t q_row;                       /* a query's elements lie side by side */
    int64_t k_row, k_column, v_row, v_column, out_row;
    int64_t mask_row, mask_column; /* mask_column: 0 or 1 */
    float scale;
} davit_attention;

typedef struct davit_attention_head {
    const float *q, *k, *v, *mask; /* mask: NULL for none */
    float *out;
    float *scratch;
    int64_t first, count; /* queries to do */
} davit_attention_head;

/* The weights of a row of scores that are bytes: QuantizeLinear of
 * Softmax((q ^ flip - offset) * scale + mask). */
typedef struct davit_softmax_bytes {
    int64_t count;
    uint8_t flip;
    int32_t offset;
    float scale;
    float out_scale;
    int32_t out_zero, out_low, out_high;
    int64_t mask_column; /* 0 or 1 */
} davit_softmax_bytes;

typedef struct davit_attention_loops {
    const char *name;
    size_t (*scratch_elems)(const davit_attention *attention);
    void (*run)(const davit_attention *attention, const davit_attention_head *head);
    /* row: room for count numbers, rounded up to 16. out may be q. mask: NULL for none. */
    void (*softmax_bytes)(const davit_softmax_bytes *softmax, const uint8_t *q, const float *mask,
                          float *row, uint8_t *out);
} davit_attention_loops;

extern const davit_attention_loops davit_attention_avx2;
extern const davit_attention_loops davit_attention_avx512;

/* Those for this machine, or NULL. */
const davit_attention_loops *davit_attention_loops_choose(void);

/* Finds the attention around the Softmax at position, f32; none where products are bfloat16's. */
DAVIT_NODISCARD davit_status davit_attention_find(davit_onednn_builder *builder, size_t position);

/* ---- for both forms ---- */

/* An operand of up to rank 4 as [batch, heads, rows, columns]; strides of 0 where it is broadcast.
 */
typedef struct davit_attention_view {
    davit_value_id value; /* whose bytes are read or written */
    int rank;
    int64_t dims[4], strides[4];
} davit_attention_view;

/* Of a value that lies dense. */
davit_attention_view davit_attention_view_dense(const davit_graph *graph, davit_value_id value);
/* What a value is a view of through the Transposes above it, which go to the group. */
davit_attention_view davit_attention_view_climb(const davit_onednn_builder *builder,
                                                davit_onednn_group *group, davit_value_id value);
/* Broadcasts the first two axes, or, for a mask, all: false where it does not fit. */
bool davit_attention_view_broadcast(davit_attention_view *view, const int64_t *dims, int axes);
/* Takes the Transpose that alone reads the value of the group's last unit in: *out is its view,
 * with the columns side by side; else the value as it is. */
davit_attention_view davit_attention_view_descend(const davit_onednn_builder *builder,
                                                  davit_onednn_group *group, davit_value_id value);
/* The mask among the inputs of an Add, that which is not value; false where it does not fit scores
 * of that shape, given as dims. */
bool davit_attention_mask(const davit_onednn_builder *builder, const davit_node *add,
                          davit_value_id value, const int64_t *dims, davit_attention_view *out);
/* Where a head of it begins. */
static inline int64_t davit_attention_place(const davit_attention_view *view, int64_t batch,
                                            int64_t head)
{
    return batch * view->strides[0] + head * view->strides[1];
}

/* Into how many parts to share the queries of each of that many heads among the threads. */
int64_t davit_attention_parts(int64_t heads, int64_t queries);

/* The operands of the step. */
enum {
    DAVIT_ATTENTION_Q,
    DAVIT_ATTENTION_K,
    DAVIT_ATTENTION_V,
    DAVIT_ATTENTION_OUT,
    DAVIT_ATTENTION_SCRATCH,
    DAVIT_ATTENTION_MASK /* maybe none */
};
/* True for a Softmax over the last axis. */
bool davit_attention_softmax_fits(const davit_graph *graph, const davit_node *softmax);

#endif
