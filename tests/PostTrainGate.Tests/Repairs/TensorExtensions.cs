using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

internal static class TensorExtensions
{
    /// <summary>Same shape, same values, no rounding.</summary>
    public static bool Same(this Tensor a, Tensor b) => a.shape.SequenceEqual(b.shape) && a.eq(b).all().item<bool>();
}
