/* Reading device profiles: fields, bounds, damage; finding them by name. */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "davit/profile.h"
#include "davit/read_file.h"

static char folder[] = "/tmp/davit-profiles-XXXXXX";

static const char gpu[] =
    "{\"schema_version\": 1, \"name\": \"test card\", \"kind\": \"gpu\", \"launch_ns\": 7000,"
    " \"compute\": {\"f32_flops_per_s\": 1e12, \"bf16_flops_per_s\": 2e12, \"s8_ops_per_s\": 4e12},"
    " \"efficiency\": {\"convolution\": 0.5, \"depthwise\": 0.1, \"gemm\": 0.8,"
    " \"s8_convolution\": 0.4, \"s8_depthwise\": 0.05, \"s8_gemm\": 0.6, \"elementwise\": 0.25,"
    " \"memory\": 0.9, \"confidence\": 0.3},"
    " \"memory\": {\"bytes\": 17179869184,"
    " \"bytes_per_s\": {\"value\": 3e11, \"source\": \"its data sheet\"}},"
    " \"link\": {\"to_device_bytes_per_s\": 1.2e10, \"to_host_bytes_per_s\": 1.3e10,"
    " \"latency_ns\": 9000, \"joules_per_byte\": 1e-10},"
    " \"power\": {\"idle_watts\": 20, \"joules_per_flop\": 1e-11, \"joules_per_s8_op\": 1e-12,"
    " \"joules_per_byte\": 5e-11}}";

static void test_fields(void **state)
{
    (void)state;
    davit_device_profile p;
    assert_int_equal(davit_profile_read("p", gpu, NULL, &p), DAVIT_OK);
    assert_int_equal(p.kind, DAVIT_DEVICE_GPU);
    assert_string_equal(p.name, "test card");
    assert_int_equal(p.launch_ns, 7000);
    assert_true(p.f32_flops_per_s == 1e12 && p.f16_flops_per_s == 0);
    assert_true(p.bf16_flops_per_s == 2e12 && p.s8_ops_per_s == 4e12);
    assert_true(p.efficiency.convolution == 0.5 && p.efficiency.depthwise == 0.1);
    assert_true(p.efficiency.gemm == 0.8 && p.efficiency.s8_convolution == 0.4);
    assert_true(p.efficiency.s8_depthwise == 0.05 && p.efficiency.s8_gemm == 0.6);
    assert_true(p.efficiency.elementwise == 0.25 && p.efficiency.memory == 0.9);
    assert_true(p.efficiency.confidence == 0.3);
    assert_true(p.memory_bytes == 17179869184u && p.memory_bytes_per_s == 3e11);
    assert_true(p.link.to_device_bytes_per_s == 1.2e10 && p.link.to_host_bytes_per_s == 1.3e10);
    assert_true(p.link.latency_ns == 9000 && p.link.joules_per_byte == 1e-10);
    assert_true(p.power.idle_watts == 20 && p.power.joules_per_flop == 1e-11);
    assert_true(p.power.joules_per_s8_op == 1e-12 && p.power.joules_per_byte == 5e-11);
    assert_true(p.fpga.clock_hz == 0);
}

/* text with the first `from` replaced; free it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    size_t bytes = strlen(text) + strlen(to) + 1;
    char *result = malloc(bytes);
    assert_non_null(result);
    snprintf(result, bytes, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return result;
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *expected;
    } cases[] = {
        {"1e12", "-1", "compute.f32_flops_per_s is -1: expected 1e+06 to 1e+18"},
        {"1e12", "0", "compute.f32_flops_per_s is 0"},
        {"1e12", "1e999", "not JSON"},
        {"1e12", "\"fast\"", "compute.f32_flops_per_s is not a number"},
        {"1e12", "null", "compute.f32_flops_per_s is not a number"},
        {"1e12", "{\"value\": 1e12}", "compute.f32_flops_per_s is neither"},
        {"1e12", "{\"value\": 1e12, \"source\": 3}", "compute.f32_flops_per_s is neither"},
        {"1e12", "{\"value\": 1e12, \"source\": \"x\", \"y\": 1}", "is neither a number nor"},
        {"1e12", "{\"value\": {}, \"source\": \"x\"}", "compute.f32_flops_per_s is not a number"},
        {"\"f32_flops_per_s\": 1e12, ", "", "compute.f32_flops_per_s is missing"},
        {"\"f32_flops_per_s\"", "\"f31_flops_per_s\"", "compute.f31_flops_per_s is unknown"},
        {"\"bf16_flops_per_s\"", "\"f32_flops_per_s\"", "not JSON"},
        {"0.8", "1.5", "efficiency.gemm is 1.5"},
        {"7000", "7000.5", "launch_ns is not a whole number"},
        {"\"launch_ns\": 7000,", "", "launch_ns is missing"},
        {"\"power\"", "\"powers\"", "powers is unknown"},
        {"{\"idle_watts\"", "[], \"fpga\": {\"idle_watts\"", "power is not an object"},
        {"\"link\"", "\"fpga\"", "fpga is unknown"},
        {"\"schema_version\": 1,", "", "schema_version is missing"},
        {"\"schema_version\": 1", "\"schema_version\": 2", "profile format 2"},
        {"\"gpu\"", "\"tpu\"", "kind is none of"},
        {"\"gpu\"", "1", "kind is none of"},
        {"\"gpu\"", "\"cpu\"", "link is unknown"},
        {"\"gpu\"", "\"fpga\"", "is unknown"},
        {"\"test card\"", "\"\"", "name is not a text of 1 to 63 bytes"},
        {"\"test card\"", "17", "name is not a text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = replaced(gpu, cases[i].from, cases[i].to);
        davit_diagnostics_buffer diag;
        davit_device_profile out = {.launch_ns = 12345};
        davit_diagnostics_buffer_init(&diag);
        assert_int_equal(davit_profile_read("my.json", text, &diag.sink, &out), DAVIT_BAD_DATA);
        assert_int_equal(diag.error_count, 1);
        assert_memory_equal(diag.text, "my.json: ", 9);
        if (strstr(diag.text, cases[i].expected) == NULL) {
            fail_msg("%s -> %s: %s", cases[i].from, cases[i].to, diag.text);
        }
        assert_int_equal(out.launch_ns, 12345);
        free(text);
    }
}

static void read_damaged(const char *text)
{
    davit_diagnostics_buffer diag;
    davit_device_profile out;
    davit_diagnostics_buffer_init(&diag);
    davit_status status = davit_profile_read("p", text, &diag.sink, &out);
    assert_int_equal(diag.error_count, status == DAVIT_OK ? 0 : 1);
    assert_true(status == DAVIT_OK || status == DAVIT_BAD_DATA);
    assert_null(strchr(diag.text, '\n'));
}

static char *shipped_text(const char *name, size_t *bytes)
{
    char path[512];
    char *text;
    snprintf(path, sizeof(path), "%s/%s.json", DAVIT_SHIPPED_DIR, name);
    assert_int_equal(davit_read_file(davit_allocator_default(), path, 1 << 20, NULL, &text, bytes),
                     DAVIT_OK);
    return text;
}

/* Cut anywhere, or with up to four bits turned: one line, no crash. */
static void test_damage(void **state)
{
    (void)state;
    size_t bytes;
    uint64_t seed = 7;
    char *text = shipped_text("u250", &bytes);
    char *damaged = malloc(bytes + 1);
    assert_non_null(damaged);
    for (size_t cut = 0; cut < bytes; cut++) {
        memcpy(damaged, text, cut);
        damaged[cut] = '\0';
        read_damaged(damaged);
    }
    for (int i = 0; i < 5000; i++) {
        memcpy(damaged, text, bytes + 1);
        for (uint64_t flips = 1 + test_random_below(&seed, 4); flips > 0; flips--) {
            size_t at = test_random_below(&seed, bytes);
            damaged[at] = (char)(damaged[at] ^ (1 << test_random_below(&seed, 8)));
        }
        read_damaged(damaged);
    }
    free(damaged);
    davit_free(davit_allocator_default(), text);
}

static void test_deep_nesting(void **state)
{
    (void)state;
    static char deep[200001];
    memset(deep, '[', sizeof(deep) - 1);
    read_damaged(deep);
}

/* ---- by name ---- */

static void put(const char *name, const char *text, size_t bytes)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static davit_status find(const char *name, const char *in, const char *expected,
                         davit_device_profile *out)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_status status = davit_profile_find(davit_allocator_default(), name, in, &diag.sink, out);
    assert_int_equal(diag.error_count, status == DAVIT_OK ? 0 : 1);
    if (strstr(diag.text, expected) == NULL) {
        fail_msg("%s: expected '%s', got '%s'", name, expected, diag.text);
    }
    return status;
}

static void test_shipped(void **state)
{
    (void)state;
    davit_device_profile p;
    assert_true(davit_profile_shipped_count() >= 3);
    assert_null(davit_profile_shipped_name(davit_profile_shipped_count()));
    for (size_t i = 0; i < davit_profile_shipped_count(); i++) {
        const char *name = davit_profile_shipped_name(i);
        assert_true(davit_profile_name_ok(name));
        assert_int_equal(find(name, NULL, "", &p), DAVIT_OK);
        assert_true(i == 0 || strcmp(davit_profile_shipped_name(i - 1), name) < 0);
    }
    assert_int_equal(find("u250", NULL, "", &p), DAVIT_OK);
    assert_int_equal(p.kind, DAVIT_DEVICE_FPGA);
    assert_true(p.s8_ops_per_s == 2.0 * 7 * 32 * 8 * 300e6 * 4);
}

static void test_folder(void **state)
{
    (void)state;
    davit_device_profile p;
    char link[128];
    put("a100.json", gpu, strlen(gpu));
    put("mine.json", gpu, strlen(gpu));
    put("bad.json", gpu, strlen(gpu) - 1);
    put("nul.json", gpu, sizeof(gpu));
    put(".hidden.json", gpu, strlen(gpu));
    put("no-profile.txt", gpu, strlen(gpu));
    put("name-of-more-than-23-bytes.json", gpu, strlen(gpu));
    snprintf(link, sizeof(link), "%s/linked.json", folder);
    assert_int_equal(symlink("mine.json", link), 0);

    assert_int_equal(find("a100", folder, "", &p), DAVIT_OK); /* before the shipped one */
    assert_string_equal(p.name, "test card");
    assert_int_equal(find("linked", folder, "", &p), DAVIT_OK);
    assert_int_equal(find("u250", folder, "", &p), DAVIT_OK); /* not in the folder */
    assert_int_equal(find("bad", folder, "bad.json: not JSON: line 1", &p), DAVIT_BAD_DATA);
    assert_int_equal(find("nul", folder, "nul.json: not JSON: byte", &p), DAVIT_BAD_DATA);
    static const char *const unknown[] = {
        "none",    "../mine",     "",       ".",   "..",
        ".hidden", "mine.json/x", "/etc/a", "a b", "name-of-more-than-23-bytes"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_int_equal(find(unknown[i], folder, "linked, mine", &p), DAVIT_NOT_FOUND);
    }
    assert_int_equal(find("none", NULL, "known are a100", &p), DAVIT_NOT_FOUND);
    assert_int_equal(find("u250", "/nonexistent", "cannot be opened", &p), DAVIT_NOT_FOUND);
}

static void test_list(void **state)
{
    (void)state;
    davit_arena arena;
    const char *const *names;
    size_t count;
    davit_arena_init(&arena, davit_allocator_default());
    assert_int_equal(davit_profile_list(&arena, folder, NULL, &names, &count), DAVIT_OK);
    assert_int_equal(count, davit_profile_shipped_count() + 4); /* a100 is there already */
    for (size_t i = 1; i < count; i++) {
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
    davit_arena_clear(&arena);
}

static void test_describe(void **state)
{
    (void)state;
    davit_device_profile p;
    davit_device_info info;
    assert_int_equal(davit_profile_read("p", gpu, NULL, &p), DAVIT_OK);
    davit_profile_describe("name-of-23-bytes-000000", &p, &info);
    assert_string_equal(info.name, "profile:name-of-23-bytes-000000");
    assert_string_equal(info.description, "test card");
    assert_true(info.unusable[0] != '\0' && info.emulated);
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damage),  cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_shipped), cmocka_unit_test(test_folder),
        cmocka_unit_test(test_list),    cmocka_unit_test(test_describe),
    };
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
