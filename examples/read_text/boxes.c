/* From a map of text probability to boxes: pixels above a threshold that touch each other are a
 * line; its box is the rectangle of least area around them, enlarged, since the network is trained
 * to draw lines smaller than they are (Liao et al., Real-time Scene Text Detection with
 * Differentiable Binarization, 2020). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read_text.h"

#define THRESHOLD 0.3f  /* of a pixel */
#define LEAST_MEAN 0.5f /* of a line */
#define LEAST_SIDE 3.0f
#define ENLARGE 1.6f

typedef struct point {
    int x, y;
} point;

typedef struct search {
    const float *map;
    int width, height;
    unsigned char *seen; /* [height][width] */
    point *stack;        /* [height * width] */
    size_t count;        /* of the line's pixels, which the stack keeps */
    int *first, *last;   /* [height]: of the line's pixels in each row; first > last: none */
    point *hull;         /* [2 * height + 1] */
    text_box *boxes;
    size_t box_count;
} search;

static void visit(search *s, int x, int y)
{
    if (x < 0 || y < 0 || x >= s->width || y >= s->height) {
        return;
    }
    size_t at = (size_t)y * (size_t)s->width + (size_t)x;
    if (!s->seen[at] && s->map[at] > THRESHOLD) {
        s->seen[at] = 1;
        s->stack[s->count++] = (point){x, y};
    }
}

/* Collects the pixels that hang together with that one. Returns their mean. */
static float collect(search *s, int x, int y)
{
    float sum = 0;
    s->count = 0;
    for (int row = 0; row < s->height; row++) {
        s->first[row] = s->width;
        s->last[row] = -1;
    }
    visit(s, x, y);
    for (size_t i = 0; i < s->count; i++) {
        point at = s->stack[i];
        sum += s->map[(size_t)at.y * (size_t)s->width + (size_t)at.x];
        s->first[at.y] = at.x < s->first[at.y] ? at.x : s->first[at.y];
        s->last[at.y] = at.x > s->last[at.y] ? at.x : s->last[at.y];
        for (int k = 0; k < 9; k++) {
            visit(s, at.x + k % 3 - 1, at.y + k / 3 - 1);
        }
    }
    return sum / (float)s->count;
}

/* Above 0 when the way from a over b to c turns right, where y points down. */
static long turn(point a, point b, point c)
{
    return (long)(b.x - a.x) * (c.y - b.y) - (long)(b.y - a.y) * (c.x - b.x);
}

static size_t add_corner(point *hull, size_t count, size_t least, point next)
{
    while (count >= least + 2 && turn(hull[count - 2], hull[count - 1], next) <= 0) {
        count--;
    }
    hull[count] = next;
    return count + 1;
}

/* The convex hull (Andrew's monotone chain): down along the right ends of rows, up along the left.
 */
static size_t make_hull(search *s)
{
    size_t count = 0;
    for (int row = 0; row < s->height; row++) {
        if (s->last[row] >= 0) {
            count = add_corner(s->hull, count, 0, (point){s->last[row] + 1, row});
            count = add_corner(s->hull, count, 0, (point){s->last[row] + 1, row + 1});
        }
    }
    size_t least = count - 1;
    for (int row = s->height - 1; row >= 0; row--) {
        if (s->last[row] >= 0) {
            count = add_corner(s->hull, count, least, (point){s->first[row], row + 1});
            count = add_corner(s->hull, count, least, (point){s->first[row], row});
        }
    }
    return count;
}

/* The rectangle in that direction. */
static text_box surround(const point *hull, size_t count, float along_x, float along_y)
{
    float low = INFINITY, high = -INFINITY, top = INFINITY, bottom = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        float along = (float)hull[i].x * along_x + (float)hull[i].y * along_y;
        float across = (float)hull[i].y * along_x - (float)hull[i].x * along_y;
        low = fminf(low, along);
        high = fmaxf(high, along);
        top = fminf(top, across);
        bottom = fmaxf(bottom, across);
    }
    float along = (low + high) / 2;
    float across = (top + bottom) / 2;
    return (text_box){.x = along * along_x - across * along_y,
                      .y = along * along_y + across * along_x,
                      .along_x = along_x,
                      .along_y = along_y,
                      .half_length = (high - low) / 2,
                      .half_height = (bottom - top) / 2};
}

/* Of least area: one of its sides lies on the hull. */
static text_box smallest(const point *hull, size_t count)
{
    text_box best = surround(hull, count, 1, 0);
    for (size_t i = 0; i < count; i++) {
        point from = hull[i];
        point to = hull[(i + 1) % count];
        float length = hypotf((float)(to.x - from.x), (float)(to.y - from.y));
        if (length == 0) {
            continue;
        }
        text_box other =
            surround(hull, count, (float)(to.x - from.x) / length, (float)(to.y - from.y) / length);
        if (other.half_length * other.half_height < best.half_length * best.half_height) {
            best = other;
        }
    }
    return best;
}

/* Text runs from left to right; down where the box is clearly taller than wide. */
static text_box turned(text_box b)
{
    bool upright = fabsf(b.along_x) < fabsf(b.along_y);
    float width = upright ? b.half_height : b.half_length;
    float height = upright ? b.half_length : b.half_height;
    if (upright != (height > 1.5f * width)) {
        b = (text_box){b.x, b.y, -b.along_y, b.along_x, b.half_height, b.half_length};
    }
    if (fabsf(b.along_x) >= fabsf(b.along_y) ? b.along_x < 0 : b.along_y < 0) {
        b.along_x = -b.along_x;
        b.along_y = -b.along_y;
    }
    return b;
}

static void add_line(search *s, int x, int y)
{
    float mean = collect(s, x, y);
    text_box found = smallest(s->hull, make_hull(s));
    float least = 2 * fminf(found.half_length, found.half_height);
    if (mean < LEAST_MEAN || least < LEAST_SIDE) {
        return;
    }
    float more =
        ENLARGE * found.half_length * found.half_height / (found.half_length + found.half_height);
    found.half_length += more;
    found.half_height += more;
    s->boxes[s->box_count++] = turned(found);
}

/* Boxes of which one is beside the other are of one row. */
static int compare(const void *left, const void *right)
{
    const text_box *a = left;
    const text_box *b = right;
    float apart = a->y - b->y;
    if (fabsf(apart) > fminf(a->half_height, b->half_height)) {
        return apart < 0 ? -1 : 1;
    }
    return a->x < b->x ? -1 : a->x > b->x;
}

/* By insertion: what is beside each other is no order that qsort could rely on. */
static void sort(text_box *boxes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        text_box moved = boxes[i];
        size_t k = i;
        for (; k > 0 && compare(&boxes[k - 1], &moved) > 0; k--) {
            boxes[k] = boxes[k - 1];
        }
        boxes[k] = moved;
    }
}

static void find_all(search *s)
{
    for (int y = 0; y < s->height; y++) {
        for (int x = 0; x < s->width; x++) {
            size_t at = (size_t)y * (size_t)s->width + (size_t)x;
            if (!s->seen[at] && s->map[at] > THRESHOLD) {
                add_line(s, x, y);
            }
        }
    }
    sort(s->boxes, s->box_count);
}

text_box *find_boxes(const float *map, int width, int height, size_t *count)
{
    size_t pixels = (size_t)width * (size_t)height;
    size_t rows = (size_t)height;
    search s = {.map = map,
                .width = width,
                .height = height,
                .seen = calloc(pixels, 1),
                .stack = malloc(pixels * sizeof(point)),
                .first = malloc(rows * sizeof(int)),
                .last = malloc(rows * sizeof(int)),
                .hull = malloc((4 * rows + 2) * sizeof(point)),
                .boxes = malloc((pixels / 2 + 1) * sizeof(text_box))};
    bool enough = s.seen != NULL && s.stack != NULL && s.first != NULL && s.last != NULL &&
                  s.hull != NULL && s.boxes != NULL;
    if (enough) {
        find_all(&s);
        *count = s.box_count;
    }
    free(s.seen);
    free(s.stack);
    free(s.first);
    free(s.last);
    free(s.hull);
    if (!enough) {
        free(s.boxes);
        return NULL;
    }
    return s.boxes;
}
