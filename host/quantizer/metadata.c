#include <math.h>

#include "job.h"
#include "message.h"

davit_status davit_keep_measured(davit_quantizer *job, const davit_quantizer_report *report)
{
    davit_arena *arena = &job->document->arena;
    Onnx__ModelProto *model = job->document->model;
    davit_message_list list = {.arena = arena};
    bool made = true;
    for (size_t i = 0; made && i < model->n_metadata_props; i++) {
        made = davit_message_append(&list, model->metadata_props[i]);
    }
    for (size_t i = 0; made && i < report->layer_count; i++) {
        const davit_quantized_layer *layer = &report->layers[i];
        Onnx__StringStringEntryProto *entry = davit_arena_alloc(arena, sizeof(*entry));
        if (!layer->quantized || !isfinite(layer->snr_db)) {
            continue;
        }
        made = entry != NULL;
        if (made) {
            onnx__string_string_entry_proto__init(entry);
            entry->key = davit_arena_printf(arena, "%s%s", DAVIT_METADATA_SNR_DB, layer->name);
            entry->value = davit_arena_printf(arena, "%.2f", layer->snr_db);
            made = entry->key != NULL && entry->value != NULL && davit_message_append(&list, entry);
        }
    }
    model->metadata_props = (Onnx__StringStringEntryProto **)list.items;
    model->n_metadata_props = list.count;
    return made ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}
