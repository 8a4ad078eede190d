#include "parallel.h"

/* Of libgomp. */
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

typedef struct loop {
    int64_t count;
    davit_onednn_body body;
    const void *context;
} loop;

uint32_t davit_onednn_set_threads(uint32_t threads)
{
    uint32_t before = (uint32_t)omp_get_max_threads();
    omp_set_num_threads((int)threads);
    return before;
}

int64_t davit_onednn_thread_count(void)
{
    return omp_get_max_threads();
}

/* Not omp_get_thread_num(), which outside of these loops is that of a region of the caller's. */
static _Thread_local int64_t thread_index;

int64_t davit_onednn_thread_index(void)
{
    return thread_index;
}

static void run_part(void *data)
{
    const loop *l = data;
    int64_t parts = omp_get_num_threads();
    int64_t part = omp_get_thread_num();
    int64_t size = l->count / parts;
    int64_t rest = l->count % parts;
    int64_t begin = part * size + (part < rest ? part : rest);
    int64_t end = begin + size + (part < rest ? 1 : 0);
    thread_index = part;
    if (begin < end) {
        l->body(l->context, begin, end);
    }
}

void davit_onednn_parallel(int64_t count, int64_t grain, davit_onednn_body body,
                           const void *context)
{
    int64_t threads = omp_get_max_threads();
    int64_t parts = grain > 0 ? count / grain : count;
    if (parts < threads) {
        threads = parts;
    }
    if (threads <= 1) {
        thread_index = 0;
        body(context, 0, count);
        return;
    }
    loop l = {.count = count, .body = body, .context = context};
    GOMP_parallel(run_part, &l, (unsigned)threads, 0);
}

bool davit_onednn_shares_rows(int64_t in, int64_t kernel)
{
    return in > davit_onednn_thread_count() * kernel;
}

void davit_onednn_grid_part(const davit_onednn_grid *grid, int64_t begin, int64_t end,
                            int64_t block, int64_t rows[2])
{
    const int64_t items[2] = {begin, end};
    for (int i = 0; i < 2; i++) {
        if (grid->by_rows) {
            rows[i] = (items[i] + grid->blocks - 1 - block) / grid->blocks;
        } else {
            const int64_t at = items[i] - block * grid->rows;
            rows[i] = at < 0 ? 0 : at < grid->rows ? at : grid->rows;
        }
    }
}
