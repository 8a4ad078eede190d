#include "weights_file.h"

#include "arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ALIGNMENT_BYTES 4096

typedef struct output {
    FILE *file;
    char *part_path;
    char *path;
    uint64_t offset;
    bool failed;
    int error; /* errno of the first failure */
} output;

struct weights_file {
    output out;
};

static char *join(const char *first, const char *second)
{
    size_t bytes = strlen(first) + strlen(second) + 1;
    char *joined = must_alloc(1, bytes);
    snprintf(joined, bytes, "%s%s", first, second);
    return joined;
}

static void output_note_failure(output *out)
{
    if (!out->failed)
        out->error = errno;
    out->failed = true;
}

static bool output_open(output *out, const char *path, const char *suffix)
{
    *out = (output){.path = join(path, suffix)};
    out->part_path = join(out->path, ".part");
    out->file = fopen(out->part_path, "wb");
    if (!out->file)
        fprintf(stderr, "davit-models: %s: %s\n", out->path, strerror(errno));
    return out->file != NULL;
}

static void output_append(output *out, const void *contents, size_t bytes)
{
    if (bytes && fwrite(contents, 1, bytes, out->file) != bytes)
        output_note_failure(out);
    out->offset += bytes;
}

/* Closes the file; true when all of it was written. */
static bool output_complete(output *out)
{
    if (fclose(out->file) != 0)
        output_note_failure(out);
    out->file = NULL;
    if (out->failed)
        fprintf(stderr, "davit-models: %s: %s\n", out->path, strerror(out->error));
    return !out->failed;
}

/* False, having said so, when the file's own name is taken by a device or a folder. */
static bool output_can_publish(const output *out)
{
    struct stat old;
    if (stat(out->path, &old) != 0 || S_ISREG(old.st_mode))
        return true;
    fprintf(stderr, "davit-models: %s: not a regular file\n", out->path);
    return false;
}

static bool output_publish(output *out)
{
    if (rename(out->part_path, out->path) == 0)
        return true;
    fprintf(stderr, "davit-models: %s: %s\n", out->path, strerror(errno));
    return false;
}

/* Removes what is not published and frees. */
static void output_close(output *out)
{
    if (out->file)
        fclose(out->file);
    if (out->part_path)
        remove(out->part_path);
    free(out->part_path);
    free(out->path);
}

weights_file *weights_file_open(const char *model_path)
{
    weights_file *w = must_alloc(1, sizeof *w);
    if (output_open(&w->out, model_path, ".data"))
        return w;
    weights_file_discard(w);
    return NULL;
}

const char *weights_file_name(const weights_file *w)
{
    const char *slash = strrchr(w->out.path, '/');
    return slash ? slash + 1 : w->out.path;
}

uint64_t weights_file_append(weights_file *w, const void *contents, size_t bytes)
{
    static const char padding[ALIGNMENT_BYTES];
    size_t misaligned = (size_t)(w->out.offset % ALIGNMENT_BYTES);
    if (misaligned)
        output_append(&w->out, padding, ALIGNMENT_BYTES - misaligned);
    uint64_t offset = w->out.offset;
    output_append(&w->out, contents, bytes);
    return offset;
}

void weights_file_discard(weights_file *w)
{
    if (!w)
        return;
    output_close(&w->out);
    free(w);
}

typedef struct model_stream {
    ProtobufCBuffer base; /* at offset 0: protobuf-c passes it back */
    output *out;
} model_stream;

static void stream_append(ProtobufCBuffer *buffer, size_t bytes, const uint8_t *contents)
{
    output_append(((model_stream *)buffer)->out, contents, bytes);
}

bool model_file_write(const Onnx__ModelProto *model, const char *path, weights_file *weights)
{
    output out;
    bool done = output_open(&out, path, "");
    if (done) {
        model_stream stream = {.base = {.append = stream_append}, .out = &out};
        onnx__model_proto__pack_to_buffer(model, &stream.base);
        done = output_complete(&out);
    }
    done = done && (!weights || output_complete(&weights->out));
    done = done && output_can_publish(&out);
    done =
        done && (!weights || (output_can_publish(&weights->out) && output_publish(&weights->out)));
    done = done && output_publish(&out);
    output_close(&out);
    weights_file_discard(weights);
    return done;
}
