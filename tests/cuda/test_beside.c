/* cuda:emu beside another driver in one process: NVIDIA's, which fake_libcuda.c stands for. */
#include "rig.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "davit/cuda.h"
#include "davit/profile.h"

static void find_real(davit_device_info *out)
{
    davit_backend backend = {.table = &davit_cuda_backend};
    davit_device_info infos[16];
    size_t count;
    assert_int_equal(davit_cuda_backend.enumerate(&backend, NULL, infos, 16, &count), DAVIT_OK);
    assert_true(count >= 2);
    *out = infos[0];
}

/* What the driver says becomes the device's description; the profile follows from units and clock,
 * here those of a T4. */
static void devices_are_described(void **state)
{
    davit_device_info info;
    (void)state;
    find_real(&info);
    assert_string_equal(info.name, "cuda:0");
    assert_false(info.emulated);
    assert_string_equal(info.pci_address, "0000:af:00.0");
    assert_non_null(strstr(info.description, "Fake GPU"));
    assert_non_null(strstr(info.description, "compute capability 7.5"));
    assert_true(fabs(info.profile.s8_ops_per_s / 130e12 - 1) < 0.02);
    assert_true(fabs(info.profile.f16_flops_per_s / 65e12 - 1) < 0.02);
    assert_true(fabs(info.profile.f32_flops_per_s / 8.1e12 - 1) < 0.02);
    assert_true(fabs(info.profile.memory_bytes_per_s / 320e9 - 1) < 0.01);
    assert_true(info.profile.memory_bytes == (uint64_t)8 << 30);
#if HAS_NVCC
    assert_string_equal(info.unusable, "");
#else
    assert_non_null(strstr(info.unusable, "without nvcc"));
#endif
}

/* Work on cuda:emu makes no call of the other driver. */
static void emulated_work_stays_emulated(void **state)
{
    static rig on;
    rig_program program;
    (void)state;
    void *fake = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(fake);
    const int *calls = dlsym(fake, "fake_calls");
    assert_non_null(calls);
    int before = *calls;
    rig_init(&on, 0);
    rig_open(&on, NULL);
    assert_int_equal(rig_build(&on, "Conv x:1x3x9x9 w:5x3x3x3 ; Relu ; Softmax", &program),
                     DAVIT_OK);
    assert_int_equal(rig_run(&on, &program, 20 * RIG_SECOND), DAVIT_OK);
    rig_destroy(&program);
    rig_close(&on);
    assert_int_equal(*calls, before);
    (void)dlclose(fake);
}

/* A driver that refuses to open is reported once, and leaves nothing. */
static void refusals_are_reported(void **state)
{
    static rig on;
    davit_device *device;
    (void)state;
    rig_init(&on, 0);
    find_real(&on.info);
    const davit_device_options options = {.allocator = &on.allocator.allocator, .diag = &on.sink};
    assert_int_not_equal(davit_device_open(&on.backend, &on.info, &options, &device), DAVIT_OK);
    assert_int_equal(atomic_load(&on.errors), 1);
    assert_non_null(strstr(on.error, HAS_NVCC ? "FAKE_ERROR" : "without nvcc"));
    assert_int_equal(atomic_load(&on.allocator.live), 0);
}

/* What the driver cannot know comes from the shipped profile of the model. */
static void shipped_profiles_complete(void **state)
{
    (void)state;
    davit_device_profile exact = {
        .kind = DAVIT_DEVICE_GPU, .name = "NVIDIA A100 80GB PCIe", .memory_bytes = 5};
    davit_profile_adopt(davit_allocator_default(), &exact);
    assert_true(exact.s8_ops_per_s == 624e12 && exact.memory_bytes == 5);
    davit_device_profile variant = {
        .kind = DAVIT_DEVICE_GPU, .name = "Tesla T4", .f32_flops_per_s = 7};
    davit_profile_adopt(davit_allocator_default(), &variant);
    assert_true(variant.f32_flops_per_s == 7 && variant.efficiency.s8_convolution > 0);
    davit_device_profile other = {.kind = DAVIT_DEVICE_GPU, .name = "Quadro T400"};
    davit_profile_adopt(davit_allocator_default(), &other);
    assert_true(other.efficiency.s8_convolution == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_described),
        cmocka_unit_test(emulated_work_stays_emulated),
        cmocka_unit_test(refusals_are_reported),
        cmocka_unit_test(shipped_profiles_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
