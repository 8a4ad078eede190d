#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "davit/shape_rules.h"

typedef struct candidate {
    float score;
    int64_t box;
} candidate;

davit_box_query davit_box_query_make(const davit_tensor *const inputs[5], bool is_center)
{
    const int64_t *dims = inputs[1]->desc.dims;
    return (davit_box_query){
        .boxes = inputs[0]->data,
        .scores = inputs[1]->data,
        .batch_count = dims[0],
        .class_count = dims[1],
        .box_count = dims[2],
        .limit = inputs[2] != NULL ? *(const int64_t *)inputs[2]->data : 0,
        .iou_threshold = inputs[3] != NULL ? *(const float *)inputs[3]->data : 0.0f,
        .score_threshold = inputs[4] != NULL ? *(const float *)inputs[4]->data : -INFINITY,
        .is_center = is_center,
    };
}

/* Descending scores, then ascending boxes. */
static int compare_candidates(const void *left, const void *right)
{
    const candidate *a = left;
    const candidate *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->box > b->box) - (a->box < b->box);
}

typedef struct rectangle {
    float low[2];
    float high[2];
} rectangle;

static rectangle rectangle_of(const float box[4], bool is_center)
{
    rectangle r;
    for (int i = 0; i < 2; i++) {
        float a = is_center ? box[i] - box[i + 2] / 2.0f : box[i];
        float b = is_center ? box[i] + box[i + 2] / 2.0f : box[i + 2];
        r.low[i] = fminf(a, b);
        r.high[i] = fmaxf(a, b);
    }
    return r;
}

static float area(const rectangle *r)
{
    return (r->high[0] - r->low[0]) * (r->high[1] - r->low[1]);
}

/* True when the intersection over union of two boxes exceeds the threshold; boxes without area
 * overlap nothing. */
static bool overlaps(const davit_box_query *query, const float *first, const float *second)
{
    rectangle a = rectangle_of(first, query->is_center);
    rectangle b = rectangle_of(second, query->is_center);
    rectangle both;
    for (int i = 0; i < 2; i++) {
        both.low[i] = fmaxf(a.low[i], b.low[i]);
        both.high[i] = fminf(a.high[i], b.high[i]);
        if (!(both.high[i] > both.low[i])) {
            return false;
        }
    }
    float shared = area(&both);
    float joined = area(&a) + area(&b) - shared;
    return joined > 0.0f && shared / joined > query->iou_threshold;
}

/* Selects among the sorted candidates of one batch and class, moving the selected ones to the
 * front; returns their number. */
static int64_t select_class(const davit_box_query *query, const float *boxes, candidate *candidates,
                            int64_t count)
{
    int64_t selected = 0;
    for (int64_t i = 0; i < count && selected < query->limit; i++) {
        const float *box = boxes + 4 * candidates[i].box;
        bool is_dropped = false;
        for (int64_t s = 0; s < selected && !is_dropped; s++) {
            is_dropped = overlaps(query, box, boxes + 4 * candidates[s].box);
        }
        if (!is_dropped) {
            candidates[selected++] = candidates[i];
        }
    }
    return selected;
}

davit_status davit_select_boxes(const davit_allocator *allocator, const davit_box_query *query,
                                int64_t **selected, size_t *count)
{
    void *triples = NULL;
    size_t capacity = 0;
    size_t total = 0;
    davit_status status = DAVIT_OK;
    candidate *candidates =
        davit_alloc_array(allocator, (size_t)query->box_count, sizeof(*candidates));
    if (candidates == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    int64_t classes = query->batch_count * query->class_count;
    for (int64_t c = 0; c < classes && status == DAVIT_OK; c++) {
        const float *scores = query->scores + c * query->box_count;
        const float *boxes = query->boxes + c / query->class_count * query->box_count * 4;
        int64_t found = 0;
        for (int64_t box = 0; box < query->box_count; box++) {
            if (scores[box] > query->score_threshold) {
                candidates[found++] = (candidate){scores[box], box};
            }
        }
        qsort(candidates, (size_t)found, sizeof(*candidates), compare_candidates);
        found = select_class(query, boxes, candidates, found);
        status = davit_array_grow(allocator, &triples, &capacity, total, total + (size_t)found,
                                  3 * sizeof(int64_t));
        for (int64_t i = 0; i < found && status == DAVIT_OK; i++) {
            int64_t *triple = (int64_t *)triples + 3 * total++;
            triple[0] = c / query->class_count;
            triple[1] = c % query->class_count;
            triple[2] = candidates[i].box;
        }
    }
    davit_free(allocator, candidates);
    if (status != DAVIT_OK) {
        davit_free(allocator, triples);
        return status;
    }
    *selected = triples;
    *count = total;
    return DAVIT_OK;
}
