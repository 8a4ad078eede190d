/* How fast the C simulation for emulated cards is: every convolution of ResNet-50 at 224x224, batch
 * 1, once, in one thread. The results are those of hls_check; here only time counts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "davit/engine_abi.h"
#include "engine_csim.h"
#include "engine_memory.h"

/* A group of layers that have the same shape. */
typedef struct layers {
    uint32_t count, in, channels, kernel, stride, columns;
    bool residual;
} layers;

static const layers resnet50[] = {
    {1, 224, 3, 7, 2, 64, false},     {1, 56, 64, 1, 1, 64, false},
    {2, 56, 256, 1, 1, 64, false},    {3, 56, 64, 3, 1, 64, false},
    {1, 56, 64, 1, 1, 256, false},    {3, 56, 64, 1, 1, 256, true},
    {1, 56, 256, 1, 1, 128, false},   {1, 56, 128, 3, 2, 128, false},
    {1, 56, 256, 1, 2, 512, false},   {3, 28, 512, 1, 1, 128, false},
    {3, 28, 128, 3, 1, 128, false},   {4, 28, 128, 1, 1, 512, true},
    {1, 28, 512, 1, 1, 256, false},   {1, 28, 256, 3, 2, 256, false},
    {1, 28, 512, 1, 2, 1024, false},  {5, 14, 1024, 1, 1, 256, false},
    {5, 14, 256, 3, 1, 256, false},   {6, 14, 256, 1, 1, 1024, true},
    {1, 14, 1024, 1, 1, 512, false},  {1, 14, 512, 3, 2, 512, false},
    {1, 14, 1024, 1, 2, 2048, false}, {2, 7, 2048, 1, 1, 512, false},
    {2, 7, 512, 3, 1, 512, false},    {3, 7, 512, 1, 1, 2048, true},
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static davit_gemm_shape shape_of(const layers *l)
{
    uint32_t out = l->in / l->stride;
    davit_gemm_shape shape = {
        1, l->in, l->in,         l->channels,   l->kernel, l->kernel, l->stride,  l->stride,
        1, 1,     l->kernel / 2, l->kernel / 2, out,       out,       l->columns, l->residual};
    return shape;
}

/* Seconds of one call, or a negative number. */
static double run(const davit_gemm_shape *s)
{
    const davit_gemm_geometry geometry = DAVIT_GEMM_DEFAULT_GEOMETRY;
    davit_gemm_layout l;
    if (davit_gemm_plan(&geometry, s, &l) != NULL) {
        return -1;
    }
    engine_buffer buffers[] = {engine_alloc((size_t)l.a_words * DAVIT_ENGINE_WORD, 1),
                               engine_alloc((size_t)l.weight_words * DAVIT_ENGINE_WORD, 2),
                               engine_alloc((size_t)l.parameter_words * DAVIT_ENGINE_WORD, 0),
                               engine_alloc((size_t)l.result_words * DAVIT_ENGINE_WORD, 3),
                               engine_alloc((size_t)l.result_words * DAVIT_ENGINE_WORD, 0),
                               engine_alloc(DAVIT_ENGINE_WORD, 0)};
    int8_t *weights =
        calloc((size_t)s->columns * s->channels * s->kernel_h * s->kernel_w, sizeof(int8_t));
    float *scale = calloc(s->columns, sizeof(float));
    davit_gemm_values values = {
        .weights = weights, .scale = scale, .residual_scale = 1, .low = -128, .high = 127};
    davit_gemm_pack_parameters(&geometry, s, &l, &values, buffers[2].data);
    double before = seconds();
    gemm_s8(buffers[0].data, buffers[1].data, buffers[2].data, s->residual ? buffers[3].data : NULL,
            buffers[4].data, buffers[5].data);
    double took = seconds() - before;
    free(weights);
    free(scale);
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        (void)engine_free(&buffers[i]);
    }
    return engine_simulation_error() != NULL ? -1 : took;
}

int main(void)
{
    double all = 0, macs = 0;
    for (size_t i = 0; i < sizeof(resnet50) / sizeof(resnet50[0]); i++) {
        davit_gemm_shape s = shape_of(&resnet50[i]);
        double took = run(&s);
        if (took < 0) {
            fprintf(stderr, "hls_speed: layer group %zu fails\n", i);
            return 1;
        }
        double work = (double)s.out_h * s.out_w * s.columns * s.channels * s.kernel_h * s.kernel_w;
        all += took * resnet50[i].count;
        macs += work * resnet50[i].count;
        printf("%u x %ux%u stride %u, %ux%ux%u to %u: %.0f MMAC/s\n", resnet50[i].count, s.kernel_h,
               s.kernel_w, s.stride_h, s.in_h, s.in_w, s.channels, s.columns, work / took / 1e6);
    }
    printf("ResNet-50's convolutions: %.2f GMAC in %.1f s, %.0f MMAC/s in one thread\n", macs / 1e9,
           all, macs / all / 1e6);
    return 0;
}
