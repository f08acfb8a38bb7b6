using static TorchSharp.torch;
using Xunit;
namespace PostTrainGate.Tests;
public class Smoke { [Fact] public void Loads() { using var x = ones(2); Assert.Equal(2f, x.sum().item<float>()); } }
