using System.Buffers.Binary;

namespace PostTrainGate.Fuzz;

/// <summary>Changes inputs at random, a few places each.</summary>
internal static class Mutation
{
    private const int Longest = 1 << 16;

    private static readonly long[] Edges =
    [
        0,
        1,
        -1,
        2,
        7,
        8,
        127,
        128,
        255,
        256,
        32767,
        65535,
        65536,
        int.MaxValue,
        int.MinValue,
        uint.MaxValue,
        long.MaxValue,
        long.MinValue,
        1L << 62,
    ];

    /// <summary>A changed copy of one of the seeds.</summary>
    public static byte[] Of(FuzzTarget target, Random random)
    {
        var bytes = new List<byte>(target.Seeds[random.Next(target.Seeds.Count)]);
        for (var i = 1 << random.Next(5); i > 0; i--)
            Change(bytes, target, random);
        if (bytes.Count > Longest)
            bytes.RemoveRange(Longest, bytes.Count - Longest);
        return [.. bytes];
    }

    private static void Change(List<byte> bytes, FuzzTarget target, Random random)
    {
        var at = random.Next(bytes.Count + 1);
        var left = bytes.Count - at;
        switch (random.Next(target.Words.Count > 0 ? 9 : 7))
        {
            case 0 when left > 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when left > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(left, 1 + random.Next(16)));
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(left, 1 + random.Next(64))));
                break;
            case 4 when left >= 8:
                Number(bytes, at, random);
                break;
            case 5 when random.Next(8) == 0:
                bytes.RemoveRange(at, left);
                break;
            case 6:
                var other = target.Seeds[random.Next(target.Seeds.Count)];
                var from = random.Next(other.Length + 1);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, random.Next(64))).ToArray());
                break;
            case > 6:
                bytes.InsertRange(at, target.Words[random.Next(target.Words.Count)]);
                break;
        }
    }

    // A number at an edge of its type, in either order of bytes.
    private static void Number(List<byte> bytes, int at, Random random)
    {
        Span<byte> word = stackalloc byte[8];
        var number = Edges[random.Next(Edges.Length)];
        var size = 1 << random.Next(1, 4);
        if (random.Next(2) == 0)
            BinaryPrimitives.WriteInt64LittleEndian(word, number);
        else
            BinaryPrimitives.WriteInt64BigEndian(word, number << (64 - 8 * size));
        for (var i = 0; i < size; i++)
            bytes[at + i] = word[i];
    }
}
