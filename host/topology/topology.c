#include "davit/topology.h"
