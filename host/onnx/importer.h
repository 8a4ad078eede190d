/* What the files of host/onnx share: the state of one import and the functions that pass it on.
 *
 * load.c opens and checks the file, body.c walks a graph, a function or a branch, node.c turns one
 * NodeProto into a davit_onnx_node, upgrade.c brings that to the canonical form and into the graph.
 *
 * Every function here that can fail reports its failure once through importer->diag, except that
 * DAVIT_OUT_OF_MEMORY is told by the outermost function alone. */
#ifndef DAVIT_ONNX_IMPORTER_H
#define DAVIT_ONNX_IMPORTER_H

#include "davit/names.h"

#include "tensor.h"

#define DAVIT_ONNX_OLDEST_IR 3
/* What 11 to 14 added are element types, refused where they are used, and hints for devices. */
#define DAVIT_ONNX_NEWEST_IR 14
#define DAVIT_ONNX_NEWEST_OPSET 21
/* Nodes of a model with its functions expanded, and depth of calls and branches: more is refused,
 * so that a small file cannot unfold into a huge graph. */
#define DAVIT_ONNX_MAX_NODES ((size_t)1 << 18)
#define DAVIT_ONNX_MAX_DEPTH 64
/* Stands for the value of an optional input that a caller leaves out. */
#define DAVIT_ONNX_ABSENT (DAVIT_NONE - 1)

/* Puts the file's name before each message and passes it on. */
typedef struct davit_onnx_sink {
    davit_diagnostics face;
    const davit_diagnostics *user;
    const char *label;
    bool error_reported;
} davit_onnx_sink;

/* Messages go on to user. The sink must stay where it is. */
void davit_onnx_sink_init(davit_onnx_sink *sink, const char *label, const davit_diagnostics *user);

/* Tells what nobody told where it was noticed: that memory is short. Returns status. */
davit_status davit_onnx_finish(davit_onnx_sink *sink, davit_status status);

/* The folder of a path, in text of PATH_MAX bytes; false when it is too long. */
bool davit_onnx_folder_of(const char *path, char *text);

/* A model-local function, with what onnx.proto gained since IR version 8. */
typedef struct davit_onnx_function {
    const Onnx__FunctionProto *proto;
    const char *overload;
    uint32_t next; /* index of the next function of that name, or DAVIT_NONE */
    size_t default_count;
    Onnx__AttributeProto **defaults; /* attributes with a default value */
    bool owns_defaults;              /* they were parsed for this, one by one */
} davit_onnx_function;

typedef struct davit_onnx_importer {
    const davit_allocator *allocator;
    davit_onnx_memory memory; /* of parsed messages */
    davit_onnx_sink sink;
    const davit_diagnostics *diag; /* &sink.face */
    const Onnx__ModelProto *model;
    int64_t opset;              /* of ai.onnx; 0: the model does not import it */
    davit_graph *graph;         /* being made */
    davit_arena arena;          /* lives as long as the import */
    davit_names function_names; /* -> index of the first function of that name */
    size_t function_count;
    davit_onnx_function *functions; /* those of the model, in its order */
    davit_names shared;             /* address of a TensorProto in a function -> index in tensors */
    davit_onnx_files files;         /* external data */
    davit_onnx_cuts cuts;           /* weights that stay in the file */
    size_t node_count;              /* nodes and calls met, checked against DAVIT_ONNX_MAX_NODES */
    bool only_f32;                  /* the model names no float type but f32 */
} davit_onnx_importer;

/* Where names mean something: the model's graph, a function's body, or a branch of an If. */
typedef struct davit_onnx_scope {
    const struct davit_onnx_scope *parent; /* of a branch: where other names are looked up */
    const struct davit_onnx_scope *caller; /* of a body: the scope of the node that stands for it */
    const Onnx__NodeProto *call;           /* of a body: that node */
    const davit_onnx_function *function;   /* NULL outside functions */
    const char *prefix;                    /* of names in the graph: "" or "call/" */
    int64_t opset;                         /* of ai.onnx */
    int depth;
    davit_names names;   /* -> value id, or DAVIT_ONNX_ABSENT */
    davit_names results; /* of a body: its outputs -> the values of the call's outputs */
} davit_onnx_scope;

/* Room for "node 'NAME' (Op)". */
#define DAVIT_ONNX_SHOWN_BYTES 256

/* A node on its way into the graph. Inputs (without absent ones at the end) and outputs (as many as
 * the file lists) are values, attributes are typed and known.
 * Both arrays have room for DAVIT_ONNX_NODE_ROOM more. */
#define DAVIT_ONNX_NODE_ROOM 5
typedef struct davit_onnx_node {
    const char *name; /* unique, or NULL */
    const char *op_type;
    int64_t opset;
    uint32_t input_count, output_count, attribute_count;
    davit_value_id *inputs;
    davit_value_id *outputs;
    davit_attribute *attributes;
    const char *shown; /* for messages: "node 'NAME' (Op)" */
} davit_onnx_node;

/* ---- load.c ---- */

/* The text of a string field; "" when it is absent. */
static inline const char *davit_onnx_text(const char *field)
{
    return field != NULL ? field : "";
}

/* ---- body.c ---- */

/* Readies a scope's names; ended by davit_onnx_scope_clear. */
void davit_onnx_scope_init(const davit_onnx_importer *importer, davit_onnx_scope *scope);
void davit_onnx_scope_clear(davit_onnx_scope *scope);

/* Adds a value of that name, made unique in the graph where it is taken. */
DAVIT_NODISCARD davit_status davit_onnx_add_value(davit_onnx_importer *importer, const char *name,
                                                  davit_value_id *out);

/* Makes value the constant tensor, which the graph owns already. */
void davit_onnx_set_constant(davit_onnx_importer *importer, davit_value_id value,
                             const davit_tensor *tensor);

/* Gives every output of the nodes a value in scope->names. A name that is there already as the
 * scope's own is a duplicate: DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_onnx_define_nodes(davit_onnx_importer *importer,
                                                     davit_onnx_scope *scope, size_t count,
                                                     Onnx__NodeProto *const *nodes);

/* Defines one name in the scope as a new value of the graph; what says what it is in messages. */
DAVIT_NODISCARD davit_status davit_onnx_define(davit_onnx_importer *importer,
                                               davit_onnx_scope *scope, const char *name,
                                               const char *what, davit_value_id *out);

/* Adds the initialisers to the scope and the graph as constants. */
DAVIT_NODISCARD davit_status davit_onnx_add_initializers(davit_onnx_importer *importer,
                                                         davit_onnx_scope *scope,
                                                         const Onnx__GraphProto *graph);

/* Adds the nodes to the graph. */
DAVIT_NODISCARD davit_status davit_onnx_add_nodes(davit_onnx_importer *importer,
                                                  const davit_onnx_scope *scope, size_t count,
                                                  Onnx__NodeProto *const *nodes);

/* Imports the model's graph. */
DAVIT_NODISCARD davit_status davit_onnx_import_model(davit_onnx_importer *importer);

/* ---- node.c ---- */

/* The value that name stands for in the scope or around it; *out is DAVIT_NONE for "" and absent
 * inputs. False when nothing defines it. */
bool davit_onnx_lookup(const davit_onnx_scope *scope, const char *name, davit_value_id *out);

/* The value of input index of a node; a name that nothing defines is DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_onnx_lookup_input(davit_onnx_importer *importer,
                                                     const davit_onnx_scope *scope,
                                                     const Onnx__NodeProto *proto, size_t index,
                                                     davit_value_id *out);

/* Imports one node: a constant, a branch, a call or an operator. */
DAVIT_NODISCARD davit_status davit_onnx_import_node(davit_onnx_importer *importer,
                                                    const davit_onnx_scope *scope,
                                                    const Onnx__NodeProto *proto);

/* Writes "node 'NAME' (Op)", or with the first output where the node has no name, into text. */
void davit_onnx_show_node(const Onnx__NodeProto *proto, char *text, size_t bytes);

/* ---- attribute.c ---- */

/* Follows the references of an attribute in the body of a function; NULL: the caller leaves it
 * out and there is no default. */
const Onnx__AttributeProto *davit_onnx_resolve_attribute(const davit_onnx_scope *scope,
                                                         const Onnx__AttributeProto *attribute);

/* Finds attribute name of a node and follows its references; NULL: absent. */
const Onnx__AttributeProto *davit_onnx_find_attribute(const davit_onnx_scope *scope,
                                                      const Onnx__NodeProto *proto,
                                                      const char *name);

/* Fills node->attributes from proto, checked against the schema of the operator. */
DAVIT_NODISCARD davit_status davit_onnx_read_attributes(davit_onnx_importer *importer,
                                                        const davit_onnx_scope *scope,
                                                        const Onnx__NodeProto *proto,
                                                        davit_onnx_node *node);

/* ---- constant.c ---- */

/* Makes the tensor of an attribute of a node in scope, once for each message however often a
 * function is expanded; owned by the graph. */
DAVIT_NODISCARD davit_status davit_onnx_attribute_tensor(davit_onnx_importer *importer,
                                                         const davit_onnx_scope *scope,
                                                         const char *what,
                                                         const Onnx__AttributeProto *attribute,
                                                         const davit_tensor **out);

/* Makes the output of a Constant node a constant; shown names the node in messages. */
DAVIT_NODISCARD davit_status davit_onnx_import_constant(davit_onnx_importer *importer,
                                                        const davit_onnx_scope *scope,
                                                        const Onnx__NodeProto *proto,
                                                        const char *shown);

/* ---- function.c, control.c ---- */

/* Prepares the lookup of the model's functions. */
DAVIT_NODISCARD davit_status davit_onnx_index_functions(davit_onnx_importer *importer);
void davit_onnx_free_functions(davit_onnx_importer *importer);

/* The model's function that a node calls, or NULL. */
const davit_onnx_function *davit_onnx_find_function(const davit_onnx_importer *importer,
                                                    const Onnx__NodeProto *proto);

/* The prefix of names in the body that stands for a node; NULL when memory is short. */
const char *davit_onnx_make_prefix(davit_onnx_importer *importer, const davit_onnx_scope *scope,
                                   const Onnx__NodeProto *proto);

/* Puts the body of the function in the place of the node. */
DAVIT_NODISCARD davit_status davit_onnx_expand_function(davit_onnx_importer *importer,
                                                        const davit_onnx_scope *scope,
                                                        const Onnx__NodeProto *proto,
                                                        const davit_onnx_function *function);

/* Puts the branch of an If that a constant condition selects in the place of the node; any other
 * condition is DAVIT_UNSUPPORTED. */
DAVIT_NODISCARD davit_status davit_onnx_expand_if(davit_onnx_importer *importer,
                                                  const davit_onnx_scope *scope,
                                                  const Onnx__NodeProto *proto);

/* Imports a body whose inputs are in scope->names already: defines and adds its nodes, and ties
 * its outputs to those of the node that it stands for (body->call). */
typedef struct davit_onnx_body {
    const char *what; /* for messages: "function 'F'" */
    size_t node_count;
    Onnx__NodeProto *const *nodes;
    size_t output_count;
    const char *const *outputs;
} davit_onnx_body;
DAVIT_NODISCARD davit_status davit_onnx_import_body(davit_onnx_importer *importer,
                                                    davit_onnx_scope *scope,
                                                    const davit_onnx_body *body);

/* ---- qlinear.c ---- */

/* An operator of com.microsoft that is read, and what it is made of. */
typedef struct davit_onnx_qlinear davit_onnx_qlinear;

/* The form of a node; NULL when it is no such operator. */
const davit_onnx_qlinear *davit_onnx_qlinear_find(const Onnx__NodeProto *proto);
/* The operator of ai.onnx that it computes on dequantised operands. */
const char *davit_onnx_qlinear_op(const davit_onnx_qlinear *form);

/* davit_onnx_read_attributes for such a node, whose op_type is that operator. */
DAVIT_NODISCARD davit_status davit_onnx_qlinear_attributes(davit_onnx_importer *importer,
                                                           const davit_onnx_scope *scope,
                                                           const Onnx__NodeProto *proto,
                                                           davit_onnx_node *node);

/* Puts a DequantizeLinear before each operand and a QuantizeLinear behind the result; the node is
 * then one of ai.onnx, with only its operands as inputs. */
DAVIT_NODISCARD davit_status davit_onnx_qlinear_expand(davit_onnx_importer *importer,
                                                       const davit_onnx_qlinear *form,
                                                       davit_onnx_node *node);

/* ---- upgrade.c ---- */

/* Brings a node to the canonical form and adds it to the graph. */
DAVIT_NODISCARD davit_status davit_onnx_add_node(davit_onnx_importer *importer,
                                                 davit_onnx_node *node);

#endif
