#include "davit/onnx.h"
