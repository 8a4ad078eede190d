/* The bytes of XRT's remote calls: requests as protobuf's encoder makes them, and damaged ones. */
#include <stdlib.h>
#include <string.h>

#include "unit_test.h"

#include "rpc.h"

static void test_header(void **state)
{
    (void)state;
    const uint8_t good[RPC_REQUEST_HEADER] = {0x09, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0x15, 6, 0, 0, 0};
    uint32_t call;
    uint64_t bytes;
    assert_null(rpc_decode_header(good, &call, &bytes));
    assert_int_equal(call, RPC_COPY_TO_DEVICE);
    assert_int_equal(bytes, 0x1234);
    for (int i = 0; i < 3; i++) {
        static const uint8_t places[] = {0, 9, 8}; /* tags; a length of 2^56 */
        uint8_t bad[RPC_REQUEST_HEADER];
        memcpy(bad, good, sizeof(bad));
        bad[places[i]] = 1;
        assert_non_null(rpc_decode_header(bad, &call, &bytes));
    }
}

/* xclCopyBufferHost2Device_call(handle "h", dest 0x12345, src "abc", size 3, seek 0, space 0). */
static const uint8_t copy[] = {0x12, 1,   'h', 0x18, 0xc5, 0xc6, 0x04, 0x22, 3,
                               'a',  'b', 'c', 0x28, 3,    0x30, 0,    0x38, 0};

static void test_copy(void **state)
{
    (void)state;
    rpc_request request;
    assert_null(rpc_decode(RPC_COPY_TO_DEVICE, copy, sizeof(copy), &request));
    assert_true(request.known);
    assert_int_equal(request.number[3], 0x12345);
    assert_int_equal(request.number[5], 3);
    assert_int_equal(request.bytes[4].count, 3);
    assert_ptr_equal(request.bytes[4].at, copy + 9);
    assert_int_equal(request.bytes[2].count, 1);
    assert_null(request.bytes[1].at);
}

/* Prefixes that end inside a field, or before a field that is needed. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t count = 0; count < sizeof(copy); count++) {
        uint8_t *bytes = malloc(count + 1);
        assert_non_null(bytes);
        memcpy(bytes, copy, count);
        rpc_request request;
        const char *error = rpc_decode(RPC_COPY_TO_DEVICE, bytes, count, &request);
        assert_int_equal(error == NULL, count == 12 || count == 14 || count == 16);
        free(bytes);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        uint32_t call;
        size_t count;
        uint8_t body[16];
        bool good;
    } cases[] = {
        {RPC_FREE_BUFFER, 2, {0x08, 0}, true},
        {RPC_FREE_BUFFER, 0, {0}, false},            /* no address */
        {RPC_FREE_BUFFER, 3, {0x0a, 1, 'x'}, false}, /* bytes where a number is due */
        {RPC_FREE_BUFFER, 2, {0x08, 0x80}, false},   /* a varint without an end */
        {RPC_FREE_BUFFER,
         12,
         {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
         false},                                            /* too long */
        {RPC_FREE_BUFFER, 4, {0x08, 0, 0x0b, 0x0c}, false}, /* a group */
        {RPC_FREE_BUFFER, 3, {0x08, 0, 0x00}, false},       /* field 0 */
        {RPC_FREE_BUFFER,
         11,
         {0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x08, 2},
         true},                                                        /* fixed64; the last */
        {RPC_FREE_BUFFER, 8, {0x08, 0, 0xfd, 0x7f, 1, 2, 3, 4}, true}, /* a later version's field */
        {RPC_FREE_BUFFER, 5, {0x08, 0, 0xfd, 0x7f, 1}, false},
        {RPC_SET_ENVIRONMENT, 0, {0}, true},
        {4711, 2, {0x08, 1}, true}, /* unknown calls are no error */
        {4711, 1, {0x08}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rpc_request request;
        const char *error = rpc_decode(cases[i].call, cases[i].body, cases[i].count, &request);
        assert_int_equal(error == NULL, cases[i].good);
        if (error == NULL) {
            assert_int_equal(request.known, cases[i].call != 4711);
        }
    }
}

/* xclAllocDeviceBuffer_response(ack true, filename "/f") and a read of four bytes. */
static void test_answers(void **state)
{
    (void)state;
    rpc_answer answer;
    rpc_answer_begin(&answer);
    rpc_answer_number(&answer, 1, 1);
    rpc_answer_bytes(&answer, 2, "/f", 2);
    rpc_answer_end(&answer);
    const uint8_t expected[] = {0x09, 6, 0, 0, 0, 0, 0, 0, 0, 0x08, 1, 0x12, 2, '/', 'f'};
    assert_int_equal(answer.count, sizeof(expected));
    assert_memory_equal(answer.bytes, expected, sizeof(expected));
    rpc_answer_begin(&answer);
    rpc_answer_number(&answer, 1, 300);
    rpc_answer_tail(&answer, 2, copy, 300);
    rpc_answer_end(&answer);
    const uint8_t long_one[] = {0x09, 0x32, 0x01, 0, 0, 0, 0, 0, 0, 0x08, 0xac, 2, 0x12, 0xac, 2};
    assert_int_equal(answer.count, sizeof(long_one));
    assert_memory_equal(answer.bytes, long_one, sizeof(long_one));
    assert_int_equal(answer.tail_count, 300);
    char path[1000];
    memset(path, 'p', sizeof(path));
    rpc_answer_begin(&answer);
    rpc_answer_bytes(&answer, 2, path, sizeof(path)); /* cut, and within its bytes */
    assert_true(answer.count <= RPC_ANSWER_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),    cmocka_unit_test(test_copy),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
