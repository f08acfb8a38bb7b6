using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Tests that look at the whole process (live tensors, memory, time) run when no other test does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
