using System.Text;

namespace PostTrainGate;

/// <summary>One seed in the policy, one stream per purpose: the same everywhere, independent of the order of the work.</summary>
internal static class Seeds
{
    /// <summary>A seed for a purpose, such as <c>attack:repaired</c> of gate 3.</summary>
    public static int Derive(int seed, string purpose, int index = 0)
    {
        // FNV-1a, then the finaliser of SplitMix64 so that neighbouring indices share no pattern.
        var hash = 14695981039346656037UL ^ (uint)seed;
        foreach (var b in Encoding.UTF8.GetBytes(purpose)) hash = (hash ^ b) * 1099511628211UL;
        hash += 0x9E3779B97F4A7C15UL * (ulong)(uint)(index + 1);
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9UL;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBUL;
        return (int)((hash ^ (hash >> 31)) & int.MaxValue);
    }
}
