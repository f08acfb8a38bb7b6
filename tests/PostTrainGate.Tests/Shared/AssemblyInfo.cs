using Xunit.Sdk;
using Xunit.v3;

// libtorch uses every core by itself. And TorchSharp hands numbers to native code without holding them: with two
// threads at work, the collection that one causes can free a number under the other's call (about one in a million
// calls; it ends in "Unknown scalar type").
[assembly: Parallelization(Mode = ParallelMode.None)]
