using System.Collections.Concurrent;
using TorchSharp;

namespace PostTrainGate.Torch;

/// <summary>
/// Numbers handed to native code again and again. The implicit conversion makes a <see cref="Scalar"/> that nothing
/// holds any longer once its handle is read: a collection at that moment frees it while the native call uses it. These
/// are held.
/// </summary>
internal static class Scalars
{
    private static readonly ConcurrentDictionary<double, Scalar> Held = new();
    private static readonly ConcurrentDictionary<long, Scalar> HeldWhole = new();

    /// <summary>For values that recur, such as bounds and step sizes; they are kept for good.</summary>
    public static Scalar Get(double value) => Held.GetOrAdd(value, static v => v);

    /// <summary>Whole numbers, which leave whole numbers whole; for sizes and places.</summary>
    public static Scalar Whole(long value) => HeldWhole.GetOrAdd(value, static v => v);

    /// <summary>The sum; that of the operator makes a factor of 1 that nothing holds.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, torch.Tensor b) => a.add(b, Whole(1));

    /// <summary>The sum with a number that recurs.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, double b) => a.add(Get(b), Whole(1));
}
