#include "case_writer.h"

#include "unit_test.h"

#include <stdio.h>

void case_append(case_writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(writer->text + writer->length, writer->bytes - writer->length, format, arguments);
    va_end(arguments);
    writer->length += (size_t)length;
    if (writer->length >= writer->bytes) {
        writer->length = writer->bytes - 1;
    }
}

int case_pick(case_writer *writer, int low, int high)
{
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;
    return low + (int)test_random_below(&writer->state, count);
}

const char *case_pick_text(case_writer *writer, const char *const *texts, size_t count)
{
    return texts[test_random_below(&writer->state, count)];
}

const char *case_pick_activation(case_writer *writer)
{
    static const char *const activations[] = {
        "Relu", "Clip s:-0.5 s:0.5",     "HardSwish",           "HardSigmoid", "Sigmoid", "Silu",
        "Gelu", "Gelu approximate=tanh", "LeakyRelu alpha=0.2", "Tanh"};
    return CASE_PICK(writer, activations);
}

void case_append_numbers(case_writer *writer, char separator, int count, int low, int high)
{
    for (int i = 0; i < count; i++) {
        case_append(writer, "%d", case_pick(writer, low, high));
        if (i + 1 < count) {
            case_append(writer, "%c", separator);
        }
    }
}

void case_append_list(case_writer *writer, const char *name, int count, int low, int high)
{
    case_append(writer, " %s=", name);
    case_append_numbers(writer, ',', count, low, high);
}
