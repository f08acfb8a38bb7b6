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
    private static readonly Recent<double> Held = new(static v => v);
    private static readonly Recent<long> HeldWhole = new(static v => v);

    /// <summary>A number; held until thousands of others were asked for after it.</summary>
    public static Scalar Get(double value) => Held.Get(value);

    /// <summary>Whole numbers, which leave whole numbers whole; for sizes and places.</summary>
    public static Scalar Whole(long value) => HeldWhole.Get(value);

    /// <summary>The sum; that of the operator makes a factor of 1 that nothing holds.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, torch.Tensor b) => a.add(b, Whole(1));

    /// <summary>The sum with a number that recurs.</summary>
    public static torch.Tensor Plus(this torch.Tensor a, double b) => a.add(Get(b), Whole(1));

    /// <summary>The square; that of TorchSharp is a power, of an exponent that nothing holds.</summary>
    public static torch.Tensor Squared(this torch.Tensor a) => a.mul(a);

    // Two generations: what was not asked for during a whole one is let go, long after any native call that used it.
    private sealed class Recent<T>(Func<T, Scalar> make)
        where T : notnull
    {
        private const int Most = 4096;

        private ConcurrentDictionary<T, Scalar> _young = new();
        private ConcurrentDictionary<T, Scalar> _old = new();
        private int _count;

        public Scalar Get(T value)
        {
            var young = Volatile.Read(ref _young);
            if (young.TryGetValue(value, out var held))
                return held;
            held = young.GetOrAdd(value, Volatile.Read(ref _old).GetValueOrDefault(value) ?? make(value));
            if (Interlocked.Increment(ref _count) == Most)
            {
                Volatile.Write(ref _old, young);
                Volatile.Write(ref _young, new());
                Volatile.Write(ref _count, 0);
            }

            return held;
        }
    }
}
