#include "davit/onednn.h"
