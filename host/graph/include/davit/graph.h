/* The graph: operators (nodes) and values in topological order, and the units made from them.
 *
 * A graph comes from an importer (davit/onnx.h) in a canonical form: one form for each operator,
 * that of ONNX opset 21, with what older opsets gave as attributes turned into constant inputs
 * (ARCHITECTURE.md names the exceptions). Its inputs are bound to shapes, shapes and types are
 * inferred, passes rewrite it, units are made last. Backends and the scheduler read it only.
 *
 * Values and nodes are named by index (davit_value_id, davit_node_id), which never changes; what a
 * pass removes is marked and skipped. Everything a graph holds lives in its arena, except the bytes
 * of constants. One thread may change a graph; any number may read it. */
#ifndef DAVIT_GRAPH_H
#define DAVIT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"
#include "davit/tensor.h"

typedef uint32_t davit_value_id;
typedef uint32_t davit_node_id;
typedef uint32_t davit_unit_id;
#define DAVIT_NONE UINT32_MAX /* no value, node or unit: an absent optional input */

/* ---- attributes ---- */

typedef enum davit_attribute_type {
    DAVIT_ATTRIBUTE_INT,
    DAVIT_ATTRIBUTE_FLOAT,
    DAVIT_ATTRIBUTE_STRING,
    DAVIT_ATTRIBUTE_INTS,
    DAVIT_ATTRIBUTE_FLOATS,
    DAVIT_ATTRIBUTE_STRINGS,
    DAVIT_ATTRIBUTE_TENSOR
} davit_attribute_type;

typedef struct davit_attribute {
    const char *name;
    davit_attribute_type type;
    size_t count; /* of ints, floats, strings; length of string (which is NUL-terminated too) */
    union {
        int64_t i;
        float f;
        const char *s;
        const int64_t *ints;
        const float *floats;
        const char *const *strings;
        const davit_tensor *tensor; /* owned by the graph, see davit_graph_own_tensor */
    } u;
} davit_attribute;

/* ---- operators ---- */

/* One enumerator for each supported operator, DAVIT_OP_<ONNX name>; host/graph/ops.def lists
 * them. */
typedef enum davit_op {
#define DAVIT_OPERATOR(name) DAVIT_OP_##name,
#include "davit/ops.def"
#undef DAVIT_OPERATOR
    DAVIT_OP_COUNT
} davit_op;

struct davit_infer;

#define DAVIT_TYPE(dtype) (1u << (dtype)) /* for masks of element types */
#define DAVIT_OP_MAX_TYPED_INPUTS 9

/* What is known of an operator: the supported table. A node that this table does not cover
 * (operator, number of inputs, element type) is refused as DAVIT_UNSUPPORTED by name. */
typedef struct davit_op_info {
    davit_op op;
    const char *name;
    const char *domain; /* "" for ai.onnx */
    int min_inputs, max_inputs;   /* max -1: variadic */
    int min_outputs, max_outputs; /* max -1: variadic */
    /* Supported element types of each input (masks of DAVIT_TYPE); the last non-zero mask also
     * holds for later inputs. */
    uint32_t types[DAVIT_OP_MAX_TYPED_INPUTS];
    /* Bit i: inference needs the value of input i, not only its shape (Reshape: bit 1). */
    uint32_t shape_inputs;
    /* Sets type and shape of every output from those of the inputs (all known, types checked
     * against the table, shape inputs constant). Reports and returns DAVIT_BAD_DATA when the node
     * contradicts the ONNX specification, DAVIT_UNSUPPORTED (naming what) otherwise. */
    davit_status (*infer)(struct davit_infer *infer);
} davit_op_info;

/* The table's entry, or NULL. domain NULL or "ai.onnx" means "". Reentrant. */
const davit_op_info *davit_op_find(const char *domain, const char *name);
/* The entry of an enumerator; never NULL for op < DAVIT_OP_COUNT. */
const davit_op_info *davit_op_get(davit_op op);

/* ---- values, nodes ---- */

/* A dimension as a model declares it: a number, or a symbol to be bound. */
typedef struct davit_dim {
    int64_t value;      /* -1 while unknown */
    const char *symbol; /* NULL: none */
} davit_dim;

typedef struct davit_value {
    const char *name; /* unique in the graph, never NULL */
    /* Inputs: as declared, rank -1 when the model does not say. Others: not used. */
    int declared_rank;
    davit_dim *declared;
    davit_dtype declared_dtype;
    /* Dense row-major; valid when inferred is set. */
    davit_tensor_desc desc;
    bool inferred;
    bool is_input;
    bool is_output;
    const davit_tensor *constant; /* the value itself when it is known, else NULL; dense, but see integer.h */
    davit_node_id producer;       /* DAVIT_NONE for inputs and constants */
    uint32_t use_count;           /* inputs of live nodes + graph outputs; davit_graph_sort */
} davit_value;

typedef struct davit_node {
    const char *name; /* unique in the graph, never NULL: made up where the model has none */
    const davit_op_info *op;
    uint32_t input_count, output_count;
    davit_value_id *inputs; /* DAVIT_NONE for an absent optional input */
    davit_value_id *outputs;
    uint32_t attribute_count;
    davit_attribute *attributes;
    bool removed;
} davit_node;

/* The attribute of that name, or NULL. */
const davit_attribute *davit_node_attribute(const davit_node *node, const char *name);
/* Its value, or fallback when it is absent. Wrong types are refused at import. */
int64_t davit_node_int(const davit_node *node, const char *name, int64_t fallback);
float davit_node_float(const davit_node *node, const char *name, float fallback);
const char *davit_node_string(const davit_node *node, const char *name, const char *fallback);
/* *count set to the number of elements, 0 and NULL when absent. */
const int64_t *davit_node_ints(const davit_node *node, const char *name, size_t *count);
const float *davit_node_floats(const davit_node *node, const char *name, size_t *count);

/* ---- units ---- */

typedef enum davit_unit_kind {
    DAVIT_UNIT_CONVOLUTION, /* anchor Conv or ConvTranspose */
    DAVIT_UNIT_GEMM,        /* anchor Gemm or MatMul */
    DAVIT_UNIT_SINGLE       /* one node of any other operator */
} davit_unit_kind;

/* What is applied to the anchor's result, element by element, in order. */
typedef enum davit_epilogue_kind {
    DAVIT_EPILOGUE_BIAS,      /* + constant operand, one element per output channel (columns) */
    DAVIT_EPILOGUE_RESIDUAL,  /* + operand, same shape as the result */
    DAVIT_EPILOGUE_ACTIVATION /* function */
} davit_epilogue_kind;

typedef enum davit_activation {
    DAVIT_ACTIVATION_RELU,
    DAVIT_ACTIVATION_CLIP,         /* min(max(x, alpha), beta) */
    DAVIT_ACTIVATION_HARDSWISH,    /* x * max(0, min(1, x / 6 + 1 / 2)) */
    DAVIT_ACTIVATION_HARDSIGMOID,  /* max(0, min(1, alpha * x + beta)) */
    DAVIT_ACTIVATION_SIGMOID,
    DAVIT_ACTIVATION_SILU,         /* x * sigmoid(x) */
    DAVIT_ACTIVATION_GELU_ERF,     /* x / 2 * (1 + erf(x / sqrt 2)) */
    DAVIT_ACTIVATION_GELU_TANH,    /* the tanh approximation, ONNX Gelu approximate="tanh" */
    DAVIT_ACTIVATION_LEAKY_RELU,   /* x < 0 ? alpha * x : x */
    DAVIT_ACTIVATION_TANH,
    DAVIT_ACTIVATION_LINEAR        /* alpha * x + beta */
} davit_activation;

typedef struct davit_epilogue {
    davit_epilogue_kind kind;
    davit_activation activation; /* DAVIT_EPILOGUE_ACTIVATION only */
    float alpha, beta;
    davit_value_id operand; /* bias or residual, else DAVIT_NONE */
} davit_epilogue;

/* What is placed: one node, or an anchor with its epilogue. The unfused form (nodes) is always
 * there and means the same; a backend may run either. With an epilogue it is a chain: each node
 * reads the one before, only the last one's result is read outside. */
typedef struct davit_unit {
    const char *name; /* that of the anchor; unique */
    davit_unit_kind kind;
    davit_node_id anchor;
    uint32_t node_count;
    davit_node_id *nodes; /* topological order, the anchor first */
    uint32_t epilogue_count;
    davit_epilogue *epilogues; /* complete: anchor + epilogues = nodes */
    uint32_t input_count;
    davit_value_id *inputs; /* not constant, from outside the unit; each once */
    uint32_t output_count;
    /* Used outside the unit, or graph outputs; each once. None in a unit of a dead node, which is
     * there only without davit_pass_remove_dead. */
    davit_value_id *outputs;
    uint64_t flops;          /* 2 per multiply-add for convolution and GEMM, else estimated */
    uint64_t bytes;          /* inputs + constants + outputs */
} davit_unit;

/* ---- the graph ---- */

/* Metadata of quantised models: this and the name of a node of the f32 model, with the signal-to-noise
 * ratio in dB that its result had when it was quantised. */
#define DAVIT_METADATA_SNR_DB "davit.snr_db/"

typedef struct davit_metadata {
    const char *key;
    const char *value;
} davit_metadata;

/* A node between quantised values that is computed in f32. */
typedef struct davit_kept_node {
    const char *node;   /* its name */
    const char *reason; /* "its weights are not quantised" */
} davit_kept_node;

typedef struct davit_graph {
    const davit_allocator *allocator;
    davit_arena arena;
    const char *name;
    const char *producer;    /* "pytorch 2.1", "" when unknown */
    int64_t opset;           /* of ai.onnx in the file */
    size_t metadata_count;
    davit_metadata *metadata;
    size_t value_count, value_capacity;
    davit_value *values;
    size_t node_count, node_capacity;
    davit_node *nodes;
    size_t input_count;
    davit_value_id *inputs; /* without those that have an initialiser */
    size_t output_count;
    davit_value_id *outputs;
    size_t order_count; /* live nodes in topological order; davit_graph_sort */
    davit_node_id *order;
    size_t unit_count; /* topological order; davit_pass_make_units */
    davit_unit *units;
    size_t integer_count; /* nodes that compute with 8-bit values; davit_pass_lower_integer */
    size_t kept_count;
    davit_kept_node *kept; /* topological order */
    size_t tensor_count, tensor_capacity; /* constants owned by the graph */
    davit_tensor **tensors;
    davit_pool pool; /* of large ones among them */
    struct davit_names *value_names; /* private to host/graph: names to ids */
    struct davit_names *node_names;
} davit_graph;

/* Creates an empty graph. */
DAVIT_NODISCARD davit_status davit_graph_create(const davit_allocator *allocator,
                                                davit_graph **out);
void davit_graph_destroy(davit_graph *graph);

/* A copy that can be bound and rewritten on its own. Constants are borrowed from the original,
 * which must outlive the copy. Units and what a pass noted are not copied. */
DAVIT_NODISCARD davit_status davit_graph_clone(const davit_graph *graph, davit_graph **out);

/* Adds a value. name is copied; NULL makes up a unique one. Uniqueness of given names is the
 * caller's duty (the importer checks). */
DAVIT_NODISCARD davit_status davit_graph_add_value(davit_graph *graph, const char *name,
                                                   davit_value_id *out);

/* Hands a tensor (dense, host memory) over to the graph, which destroys it with itself, also on
 * failure of this call. */
DAVIT_NODISCARD davit_status davit_graph_own_tensor(davit_graph *graph, davit_tensor *tensor);

/* A dense tensor for a large constant: its elements hold anything and lie in the graph's pool. The
 * tensor itself is the caller's, until it is added. */
DAVIT_NODISCARD davit_status davit_graph_make_tensor(davit_graph *graph,
                                                     const davit_tensor_desc *desc,
                                                     davit_tensor **out);

/* Makes a constant that a file holds at any address (davit_tensor.mapped) an aligned copy, which the
 * graph owns; does nothing for any other value. */
DAVIT_NODISCARD davit_status davit_graph_align_constant(davit_graph *graph, davit_value_id value);

/* Adds a constant value; takes tensor over as davit_graph_own_tensor does. */
DAVIT_NODISCARD davit_status davit_graph_add_constant(davit_graph *graph, const char *name,
                                                      davit_tensor *tensor, davit_value_id *out);

/* What a new node is made of; everything is copied except attribute tensors. */
typedef struct davit_node_spec {
    const char *name; /* NULL: made up from the operator; made unique if another node has it */
    davit_op op;
    uint32_t input_count, output_count, attribute_count;
    const davit_value_id *inputs;
    const davit_value_id *outputs; /* each without a producer so far */
    const davit_attribute *attributes;
} davit_node_spec;

DAVIT_NODISCARD davit_status davit_graph_add_node(davit_graph *graph, const davit_node_spec *spec,
                                                  davit_node_id *out);

/* Marks a node removed; its outputs lose their producer. */
void davit_graph_remove_node(davit_graph *graph, davit_node_id node);

/* Recounts uses and sorts live nodes topologically (stable: by index where free). Returns
 * DAVIT_BAD_DATA naming a node on a cycle, or a value that is read but never written. */
DAVIT_NODISCARD davit_status davit_graph_sort(davit_graph *graph, const davit_diagnostics *diag);

/* The value of that name, or DAVIT_NONE. */
davit_value_id davit_graph_find_value(const davit_graph *graph, const char *name);

#endif
