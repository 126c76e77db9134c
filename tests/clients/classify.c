/* Classifies with a SavedModel, through nothing but TensorFlow's C library:
 *
 *     classify MODEL INPUT OUTPUT FILE
 *
 * INPUT and OUTPUT are tensors of a signature, as `saved_model_cli show` names them: NAME:NUMBER.
 * FILE is a whole image file if INPUT is of strings, and else raw float32 of one image or more.
 * Prints the probabilities, a line for each image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static TF_Status* status;

static void fail(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(const char* what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

static char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) fail(path, "cannot be read");
  fseek(file, 0, SEEK_END);
  *size = ftell(file);
  rewind(file);
  char* bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) fail(path, "cannot be read");
  fclose(file);
  return bytes;
}

static TF_Output find(TF_Graph* graph, char* name) {
  char* colon = strrchr(name, ':');
  if (!colon) fail(name, "is not NAME:NUMBER");
  *colon = 0;
  TF_Output tensor = {TF_GraphOperationByName(graph, name), atoi(colon + 1)};
  if (!tensor.oper) fail(name, "is not in the graph");
  return tensor;
}

static TF_Tensor* one_string(const char* bytes, size_t size) {
  int64_t shape[] = {1};
  TF_Tensor* tensor = TF_AllocateTensor(TF_STRING, shape, 1, sizeof(TF_TString));
  TF_StringInit(TF_TensorData(tensor));
  TF_StringCopy(TF_TensorData(tensor), bytes, size);
  return tensor;
}

static TF_Tensor* images(TF_Graph* graph, TF_Output input, const char* bytes, size_t size) {
  int64_t shape[4];  /* batch, height, width, channels */
  TF_GraphGetTensorShape(graph, input, shape, 4, status);
  check("shape");
  size_t image = sizeof(float) * shape[1] * shape[2] * shape[3];
  if (size % image) fail("file", "does not hold whole images");
  shape[0] = size / image;
  TF_Tensor* tensor = TF_AllocateTensor(TF_FLOAT, shape, 4, size);
  memcpy(TF_TensorData(tensor), bytes, size);
  return tensor;
}

int main(int count, char** words) {
  if (count != 5) fail("usage", "classify MODEL INPUT OUTPUT FILE");
  status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, words[1], tags, 1, graph, NULL,
                                                     status);
  check(words[1]);

  size_t size;
  char* bytes = read_file(words[4], &size);
  TF_Output input = find(graph, words[2]), output = find(graph, words[3]);
  int strings = TF_OperationOutputType(input) == TF_STRING;
  TF_Tensor* given = strings ? one_string(bytes, size) : images(graph, input, bytes, size);
  TF_Tensor* result;
  TF_SessionRun(session, NULL, &input, &given, 1, &output, &result, 1, NULL, 0, NULL, status);
  check(words[4]);

  const float* probabilities = TF_TensorData(result);
  int64_t rows = TF_Dim(result, 0), classes = TF_Dim(result, 1);
  for (int64_t i = 0; i < rows * classes; i++)
    printf("%.9g%c", probabilities[i], (i + 1) % classes ? ' ' : '\n');
  return 0;  /* the system frees the rest */
}
