/* The networks that davit-models can write, and what can be asked of them. */
#ifndef DAVIT_MODELS_NETWORKS_H
#define DAVIT_MODELS_NETWORKS_H

#include "builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct network_options {
    int64_t batch;   /* 0: the symbol N */
    int64_t size;    /* image height and width; 0: the symbols H and W */
    int64_t classes; /* of an image classifier */
    bool fold;       /* batch normalisation folded into the convolutions' weights */
    int64_t layers;  /* these five: BERT */
    int64_t hidden;  /* a multiple of heads */
    int64_t heads;
    int64_t vocabulary;
    int64_t sequence; /* 0: the symbol S, at most 512 */
    bool decomposed;  /* layer normalisation written out, as before opset 17 */
} network_options;

typedef struct network {
    const char *name;
    const char *what;
    network_options defaults;
    bool any_size; /* whether size may be 0 */
    void (*build)(builder *b, const network_options *options);
} network;

/* The network of that name, or NULL. */
const network *network_find(const char *name);

/* All of them; the array ends with an entry whose name is NULL. */
const network *networks_all(void);

void build_resnet20(builder *b, const network_options *options);
void build_resnet50(builder *b, const network_options *options);
void build_mobilenetv2(builder *b, const network_options *options);
void build_vgg16(builder *b, const network_options *options);
void build_bert(builder *b, const network_options *options);

#endif
