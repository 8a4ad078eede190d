/* davit quantize: an f32 model and samples in, an 8-bit QDQ model and a table of what it cost out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibration.h"
#include "json.h"
#include "progress.h"

static const cli_option options[] = {
    {"calibration", 'c', "DIR|FILE.npy",
     "samples: a folder of images or .npy files, or one .npy whose first axis counts them"},
    {"output", 'o', "FILE.onnx", "where the quantised model goes"},
    {"shape", 's', "NAME=1x3x640x640", "shape of the input: images are resized to it"},
    {"preprocess", 0, "MEAN,STD,ORDER",
     "for images: (pixel/255 - MEAN)/STD, one number or three as a:b:c; ORDER rgb, bgr or gray "
     "(default 0,1,rgb)"},
    {"keep", 'k', "NAME", "leave the operator of that name or result in f32; repeatable"},
    {"keep-type", 0, "OP", "leave operators of that type in f32, as Softmax; repeatable"},
    {"method", 'm', "METHOD", "minmax, mse, percentile or entropy (default percentile)"},
    {"percentile", 0, "P", "for percentile: keep the middle P % of the values (default 99.99)"},
    {"per-tensor", 0, NULL, "one scale for all weights of an operator, not one per channel"},
    {"weights", 0, "TYPE", "s8 or u8 (default s8)"},
    {"activations", 0, "TYPE", "u8 or s8 (default u8)"},
    {"equalize", 0, NULL, "equalise the channels of successive convolutions first"},
    {"no-bias-correction", 0, NULL,
     "leave biases as they are; else each channel's mean error is taken off them"},
    CLI_COMMON_OPTIONS,
};

/* ---- options ---- */

static int read_method(const cli_arguments *arguments, davit_quantizer_options *quantizer)
{
    static const char *const names[] = {[DAVIT_CALIBRATION_MINMAX] = "minmax",
                                        [DAVIT_CALIBRATION_PERCENTILE] = "percentile",
                                        [DAVIT_CALIBRATION_ENTROPY] = "entropy",
                                        [DAVIT_CALIBRATION_MSE] = "mse"};
    const char *name = arguments->method != NULL ? arguments->method : "percentile";
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    size_t method = 0;
    while (method < COUNT && strcmp(names[method], name) != 0) {
        method++;
    }
    if (method == COUNT) {
        return cli_usage_error(&cli_quantize, "--method %s: minmax, mse, percentile or entropy",
                               name);
    }
    quantizer->method = (davit_calibration)method;
    if (arguments->percentile != NULL) {
        char *end;
        quantizer->percentile = strtod(arguments->percentile, &end);
        bool sane = end != arguments->percentile && *end == '\0' && quantizer->percentile > 50 &&
                    quantizer->percentile <= 100;
        if (!sane) {
            return cli_usage_error(&cli_quantize,
                                   "--percentile %s: a number above 50 up to 100 is expected",
                                   arguments->percentile);
        }
    }
    return CLI_DONE;
}

static int read_type(const char *option, const char *text, davit_dtype *dtype)
{
    if (text == NULL) {
        return CLI_DONE;
    }
    bool unsigned8 = strcmp(text, "u8") == 0;
    if (!unsigned8 && strcmp(text, "s8") != 0) {
        return cli_usage_error(&cli_quantize, "--%s %s: s8 or u8", option, text);
    }
    *dtype = unsigned8 ? DAVIT_U8 : DAVIT_S8;
    return CLI_DONE;
}

static int read_options(const cli_arguments *arguments, davit_quantizer_options *quantizer)
{
    davit_quantizer_options_init(quantizer);
    if (arguments->positional.count != 1) {
        return cli_usage_error(&cli_quantize, "one MODEL is expected, %zu are given",
                               arguments->positional.count);
    }
    if (arguments->calibration == NULL || arguments->output == NULL) {
        return cli_usage_error(&cli_quantize, "--calibration and --output are needed");
    }
    quantizer->per_tensor = arguments->per_tensor;
    quantizer->equalize = arguments->equalize;
    quantizer->bias_correction = !arguments->no_bias_correction;
    quantizer->keep = arguments->keep.items;
    quantizer->keep_count = arguments->keep.count;
    quantizer->keep_types = arguments->keep_types.items;
    quantizer->keep_type_count = arguments->keep_types.count;
    int code = read_method(arguments, quantizer);
    code = code == CLI_DONE ? read_type("weights", arguments->weights, &quantizer->weights) : code;
    return code == CLI_DONE
               ? read_type("activations", arguments->activations, &quantizer->activations)
               : code;
}

/* ---- what is shown ---- */

static void print_row(const davit_quantized_layer *layer)
{
    char text[32] = "exact";
    if (isfinite(layer->snr_db)) {
        snprintf(text, sizeof(text), "%.1f", layer->snr_db);
    }
    printf("%8s  %-4s  %-18s  %s%s%s\n", text, layer->quantized ? "int8" : "f32", layer->op,
           layer->name, layer->reason[0] != '\0' ? ": " : "", layer->reason);
}

static void print_text(const davit_quantizer_report *report, const char *output)
{
    printf("  SNR dB  type  %-18s  operator, the worst first\n", "");
    for (size_t i = 0; i < report->layer_count; i++) {
        print_row(&report->layers[i]);
    }
    printf("\n%zu of %zu operators in 8 bits", report->quantized_count, report->layer_count);
    if (report->equalized_pairs > 0) {
        printf(", %zu pairs of convolutions equalised", report->equalized_pairs);
    }
    printf("; opset %lld\n", (long long)report->opset);
    for (size_t i = 0; i < report->output_count; i++) {
        printf("output %s: %.1f dB, relative L2 error %.4g\n", report->outputs[i].value,
               report->outputs[i].snr_db, pow(10.0, -report->outputs[i].snr_db / 20.0));
    }
    printf("%s: %.1f KiB\n", output, (double)report->bytes / 1024.0);
}

static json_t *layers_json(const davit_quantized_layer *layers, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const davit_quantized_layer *layer = &layers[i];
        json_t *snr = isfinite(layer->snr_db) ? json_real(layer->snr_db) : json_null();
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:s, s:b, s:s, s:o}", "name", layer->name,
                                        "operator", layer->op, "value", layer->value, "quantized",
                                        layer->quantized, "reason", layer->reason, "snr_db", snr));
    }
    return array;
}

static int print_json(const davit_quantizer_report *report, const char *output)
{
    return cli_print_json(json_pack(
        "{s:i, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "schema_version", CLI_SCHEMA_VERSION, "file",
        output, "bytes", (json_int_t)report->bytes, "opset", (json_int_t)report->opset, "quantized",
        (json_int_t)report->quantized_count, "equalized_pairs", (json_int_t)report->equalized_pairs,
        "layers", layers_json(report->layers, report->layer_count), "outputs",
        layers_json(report->outputs, report->output_count)));
}

/* ---- the command ---- */

static int quantize(const cli_arguments *arguments, davit_quantizer_options *quantizer)
{
    const char *model = arguments->positional.items[0];
    const davit_diagnostics *diag = davit_diagnostics_stderr(arguments->level);
    cli_calibration calibration;
    if (cli_calibration_open(model, arguments, diag, &calibration) != DAVIT_OK) {
        return CLI_FAILED;
    }
    cli_progress progress = cli_progress_start("samples");
    quantizer->samples = (davit_samples){calibration.count, cli_calibration_read, &calibration};
    quantizer->progress = cli_progress_tell;
    quantizer->progress_user = &progress;
    davit_quantizer_report report;
    davit_status status = davit_quantize_model(model, arguments->output, quantizer, diag, &report);
    cli_calibration_close(&calibration);
    if (status != DAVIT_OK) {
        return CLI_FAILED;
    }
    int exit_code = CLI_DONE;
    if (arguments->json) {
        exit_code = print_json(&report, arguments->output);
    } else {
        print_text(&report, arguments->output);
    }
    davit_quantizer_report_clear(&report);
    return exit_code;
}

static int run(int argc, char **argv)
{
    cli_arguments arguments;
    davit_quantizer_options quantizer;
    int exit_code;
    if (!cli_parse(&cli_quantize, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    exit_code = read_options(&arguments, &quantizer);
    if (exit_code == CLI_DONE) {
        exit_code = quantize(&arguments, &quantizer);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_quantize = {
    .name = "quantize",
    .arguments = "MODEL.onnx --calibration DIR|FILE.npy -o MODEL.int8.onnx [OPTIONS]",
    .summary = "quantise an f32 model to 8 bits, as a standard QDQ model",
    .details =
        "The table shows how close each operator's result is to that of the f32 model on the\n"
        "samples, in dB, the worst first: candidates for --keep.\n",
    .options = options,
    .run = run,
};
