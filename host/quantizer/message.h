/* New pieces of an ONNX message, in its arena. Every function returns NULL or false when memory is
 * short; strings that are passed in are borrowed from the arena or from constants. */
#ifndef DAVIT_QUANTIZER_MESSAGE_H
#define DAVIT_QUANTIZER_MESSAGE_H

#include "davit/allocator.h"
#include "davit/tensor.h"
#include "onnx.pb-c.h"

/* A growing array of pointers; items is what a message's repeated field points to. */
typedef struct davit_message_list {
    davit_arena *arena;
    void **items;
    size_t count, capacity;
} davit_message_list;

bool davit_message_append(davit_message_list *list, const void *item);

/* A string of a message that may be absent. */
static inline const char *davit_message_text(const char *text)
{
    return text != NULL ? text : "";
}

/* A node with up to three inputs (NULL ends them) and one output. */
Onnx__NodeProto *davit_message_node(davit_arena *arena, const char *op, const char *name,
                                    const char *const inputs[3], const char *output);

/* Sets input index, which exists or is the next one. */
bool davit_message_set_input(davit_arena *arena, Onnx__NodeProto *node, size_t index,
                             const char *name);

Onnx__AttributeProto *davit_message_attribute(const Onnx__NodeProto *node, const char *name);
void davit_message_remove_attribute(Onnx__NodeProto *node, const char *name);
/* Adds an attribute, or changes the one of that name. */
bool davit_message_set_int(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                           int64_t value);
bool davit_message_set_ints(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                            const int64_t *values, size_t count);
bool davit_message_set_string(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                              const char *value);
bool davit_message_set_float(davit_arena *arena, Onnx__NodeProto *node, const char *name,
                             float value);

/* A tensor with room for its raw data, zeroed. */
Onnx__TensorProto *davit_message_tensor(davit_arena *arena, const char *name, davit_dtype dtype,
                                        int rank, const int64_t *dims);

#endif
