#include "block.h"

#include "kernel.h"

#define LOAD_RUN(type, carrier)                                                                    \
    for (int64_t i = 0; i < count; i++) {                                                          \
        values[i] = (carrier)((const type *)tensor->data)[first + i * stride];                     \
    }                                                                                              \
    break

void davit_load_f64_run(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        double *values)
{
    if (stride == 1 && tensor->desc.dtype == DAVIT_F32) {
        const float *data = (const float *)tensor->data + first;
        for (int64_t i = 0; i < count; i++) {
            values[i] = (double)data[i];
        }
        return;
    }
    if (stride == 0) {
        double value = davit_load_f64(tensor, first);
        for (int64_t i = 0; i < count; i++) {
            values[i] = value;
        }
        return;
    }
    switch (tensor->desc.dtype) {
    case DAVIT_F64:
        LOAD_RUN(double, double);
    case DAVIT_S32:
        LOAD_RUN(int32_t, double);
    case DAVIT_S8:
        LOAD_RUN(int8_t, double);
    case DAVIT_U8:
        LOAD_RUN(uint8_t, double);
    default:
        for (int64_t i = 0; i < count; i++) {
            values[i] = davit_load_f64(tensor, first + i * stride);
        }
        break;
    }
}

void davit_load_s64_run(const davit_tensor *tensor, int64_t first, int64_t stride, int64_t count,
                        int64_t *values)
{
    if (stride == 0) {
        int64_t value = davit_load_s64(tensor, first);
        for (int64_t i = 0; i < count; i++) {
            values[i] = value;
        }
        return;
    }
    switch (tensor->desc.dtype) {
    case DAVIT_S64:
    case DAVIT_U64:
        LOAD_RUN(int64_t, int64_t);
    case DAVIT_S32:
        LOAD_RUN(int32_t, int64_t);
    case DAVIT_U32:
        LOAD_RUN(uint32_t, int64_t);
    case DAVIT_S16:
        LOAD_RUN(int16_t, int64_t);
    case DAVIT_U16:
        LOAD_RUN(uint16_t, int64_t);
    case DAVIT_S8:
        LOAD_RUN(int8_t, int64_t);
    case DAVIT_U8:
        LOAD_RUN(uint8_t, int64_t);
    case DAVIT_BOOL:
        for (int64_t i = 0; i < count; i++) {
            values[i] = ((const uint8_t *)tensor->data)[first + i * stride] != 0;
        }
        break;
    default:
        for (int64_t i = 0; i < count; i++) {
            values[i] = davit_load_s64(tensor, first + i * stride);
        }
        break;
    }
}

#define STORE_RUN(type, narrow)                                                                    \
    for (int64_t i = 0; i < count; i++) {                                                          \
        ((type *)tensor->data)[first + i] = (narrow)values[i];                                     \
    }                                                                                              \
    break

void davit_store_f64_run(davit_tensor *tensor, int64_t first, int64_t count, const double *values)
{
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        STORE_RUN(float, float);
    case DAVIT_F64:
        STORE_RUN(double, double);
    default:
        for (int64_t i = 0; i < count; i++) {
            davit_store_f64(tensor, first + i, values[i]);
        }
        break;
    }
}

void davit_store_s64_run(davit_tensor *tensor, int64_t first, int64_t count, const int64_t *values)
{
    switch (tensor->desc.dtype) {
    case DAVIT_S64:
    case DAVIT_U64:
        STORE_RUN(int64_t, int64_t);
    case DAVIT_S32:
    case DAVIT_U32:
        STORE_RUN(uint32_t, uint32_t);
    case DAVIT_S16:
    case DAVIT_U16:
        STORE_RUN(uint16_t, uint16_t);
    case DAVIT_S8:
    case DAVIT_U8:
        STORE_RUN(uint8_t, uint8_t);
    case DAVIT_BOOL:
        for (int64_t i = 0; i < count; i++) {
            ((uint8_t *)tensor->data)[first + i] = values[i] != 0;
        }
        break;
    default:
        for (int64_t i = 0; i < count; i++) {
            davit_store_s64(tensor, first + i, values[i]);
        }
        break;
    }
}

davit_cursor davit_cursor_make(const davit_tensor *tensor, int rank, const int64_t *dims)
{
    int64_t strides[DAVIT_MAX_RANK];
    davit_broadcast_strides(&tensor->desc, rank, dims, strides);
    davit_cursor cursor = {.tensor = tensor, .walk = davit_walk_make(rank, dims), .run = 1};
    davit_walk_add(&cursor.walk, strides);
    davit_walk_collapse(&cursor.walk);
    if (cursor.walk.rank > 0) {
        int inner = --cursor.walk.rank;
        cursor.run = cursor.walk.dims[inner];
        cursor.stride = cursor.walk.strides[0][inner];
    }
    (void)davit_walk_start(&cursor.walk);
    return cursor;
}

/* Takes the next piece of at most count elements that lies in one run; *first is where. */
static int64_t next_piece(davit_cursor *cursor, int64_t count, int64_t *first)
{
    if (cursor->position == cursor->run) {
        cursor->position = 0;
        (void)davit_walk_next(&cursor->walk);
    }
    *first = cursor->walk.offset[0] + cursor->position * cursor->stride;
    int64_t left = cursor->run - cursor->position;
    int64_t taken = count < left ? count : left;
    cursor->position += taken;
    return taken;
}

void davit_cursor_f64(davit_cursor *cursor, int64_t count, double *values)
{
    while (count > 0) {
        int64_t first;
        int64_t taken = next_piece(cursor, count, &first);
        davit_load_f64_run(cursor->tensor, first, cursor->stride, taken, values);
        values += taken;
        count -= taken;
    }
}

void davit_cursor_s64(davit_cursor *cursor, int64_t count, int64_t *values)
{
    while (count > 0) {
        int64_t first;
        int64_t taken = next_piece(cursor, count, &first);
        davit_load_s64_run(cursor->tensor, first, cursor->stride, taken, values);
        values += taken;
        count -= taken;
    }
}
