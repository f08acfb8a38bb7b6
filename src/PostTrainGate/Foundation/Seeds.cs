using System.Text;

namespace PostTrainGate.Foundation;

/// <summary>
/// One seed in the policy, one stream per purpose: the same everywhere, independent of the order of the work.
/// </summary>
internal static class Seeds
{
    /// <summary>A seed for a purpose, such as <c>attack:repaired</c> of gate 3.</summary>
    public static int Derive(int seed, string purpose, int index = 0)
    {
        // FNV-1a, then mixed so that neighboring indices share no pattern.
        var hash = 14695981039346656037UL ^ (uint)seed;
        foreach (var b in Encoding.UTF8.GetBytes(purpose))
            hash = (hash ^ b) * 1099511628211UL;
        hash += Golden * (ulong)(uint)(index + 1);
        return (int)(Mix(hash) & int.MaxValue);
    }

    /// <summary>
    /// A well-mixed key of a seed and a number: an order by keys is a shuffle that any machine and runtime repeats.
    /// </summary>
    public static ulong Key(ulong seed, ulong number) => Mix(Mix(seed + Golden) + Golden * (number + 1));

    // SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
