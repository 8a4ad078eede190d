#include "davit/graph.h"
