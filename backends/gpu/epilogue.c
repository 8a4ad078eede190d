#include "epilogue.h"

davit_gpu_end davit_gpu_end_of(const davit_unit *unit)
{
    davit_gpu_end end = {.residual = DAVIT_NONE, .activation = -1};
    while (end.count < unit->epilogue_count &&
           unit->epilogues[end.count].kind == DAVIT_EPILOGUE_BIAS) {
        end.count++;
    }
    end.bias_count = end.count;
    for (; end.count < unit->epilogue_count; end.count++) {
        const davit_epilogue *epilogue = &unit->epilogues[end.count];
        if (epilogue->kind == DAVIT_EPILOGUE_ACTIVATION && end.activation < 0 &&
            !end.residual_last) {
            end.activation = (int)epilogue->activation;
            end.alpha = epilogue->alpha;
            end.beta = epilogue->beta;
        } else if (epilogue->kind == DAVIT_EPILOGUE_RESIDUAL && end.residual == DAVIT_NONE) {
            end.residual = epilogue->operand;
            end.residual_last = end.activation >= 0;
        } else {
            break;
        }
    }
    return end;
}

davit_status davit_gpu_before(davit_gpu_builder *builder, const davit_unit *unit, uint32_t first,
                              davit_gpu_layout layout, davit_gpu_place *out)
{
    davit_value_id output = unit->outputs[0];
    return first == unit->epilogue_count
               ? davit_gpu_make(builder, output, layout, out)
               : davit_gpu_scratch(
                     builder, davit_tensor_desc_bytes(davit_gpu_desc(builder, output)), out);
}

static davit_status activate(davit_gpu_builder *builder, const davit_epilogue *epilogue,
                             int64_t count, davit_gpu_place from, davit_gpu_place to)
{
    davit_gpu_unary_params params = {.count = (int)count,
                                     .function = (int)epilogue->activation,
                                     .alpha = epilogue->alpha,
                                     .beta = epilogue->beta};
    davit_gpu_call call = {.kernel = "unary_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 2,
                           .operands = {from, to}};
    return davit_gpu_launch_flat(builder, &call, count);
}

static davit_status add(davit_gpu_builder *builder, const davit_epilogue *epilogue,
                        davit_gpu_layout layout, int axis, const davit_gpu_place ends[2])
{
    const davit_tensor_desc *desc = davit_gpu_desc(builder, builder->unit->outputs[0]);
    davit_gpu_place operand;
    int64_t own[DAVIT_MAX_RANK], other[DAVIT_MAX_RANK] = {0};
    davit_gpu_binary_params params = {.function = DAVIT_GPU_ADD,
                                      .count = (int)davit_tensor_desc_elems(desc)};
    bool residual = epilogue->kind == DAVIT_EPILOGUE_RESIDUAL;
    davit_status status = davit_gpu_get(builder, epilogue->operand,
                                        residual ? layout : DAVIT_GPU_DENSE, &operand);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_gpu_strides(desc, layout, own);
    if (!residual) {
        other[axis] = 1;
    }
    int64_t dims[DAVIT_MAX_RANK], ordered[2][DAVIT_MAX_RANK];
    davit_gpu_order(desc, layout, desc->dims, dims);
    davit_gpu_order(desc, layout, own, ordered[0]);
    davit_gpu_order(desc, layout, other, ordered[1]);
    const int64_t *strides[] = {ordered[0], ordered[1]};
    int *const merged[] = {params.a, params.b};
    params.flat = residual;
    if (!davit_gpu_merge(desc->rank, dims, 2, strides, params.dims, merged)) {
        return DAVIT_UNSUPPORTED;
    }
    davit_gpu_call call = {.kernel = "binary_f32",
                           .params = &params,
                           .param_bytes = sizeof(params),
                           .operand_count = 3,
                           .operands = {ends[0], operand, ends[1]}};
    return davit_gpu_launch_flat(builder, &call, params.count);
}

davit_status davit_gpu_epilogues(davit_gpu_builder *builder, const davit_unit *unit, uint32_t first,
                                 davit_gpu_layout layout, int axis, davit_gpu_place place)
{
    int64_t count = davit_tensor_desc_elems(davit_gpu_desc(builder, unit->outputs[0]));
    davit_status status = DAVIT_OK;
    for (uint32_t i = first; i < unit->epilogue_count && status == DAVIT_OK; i++) {
        const davit_epilogue *epilogue = &unit->epilogues[i];
        davit_gpu_place next;
        status = davit_gpu_before(builder, unit, i + 1, layout, &next);
        if (status == DAVIT_OK) {
            status = epilogue->kind == DAVIT_EPILOGUE_ACTIVATION
                         ? activate(builder, epilogue, count, place, next)
                         : add(builder, epilogue, layout, axis,
                               (const davit_gpu_place[]){place, next});
        }
        place = next;
    }
    return status;
}
