/* The oneDNN backend: the host's CPU as device `cpu` (all cores) and `cpu:N` (one NUMA node). */
#ifndef DAVIT_ONEDNN_H
#define DAVIT_ONEDNN_H

#include "davit/backend.h"

extern const davit_backend_table davit_onednn_backend;

#endif
