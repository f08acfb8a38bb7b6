using System.Buffers.Binary;
using System.Text;

namespace PostTrainGate.Packages.Tests;

/// <summary>
/// Reads .gnu.version_r of a 64-bit little-endian ELF library: the symbol versions that it needs, each with its flags.
/// It goes by the dynamic section, as the loader does; the edit in eng/native goes by section headers.
/// </summary>
internal static class NeededVersions
{
    private const int LoadSegment = 1,
        DynamicSegment = 2;
    private const long StringTable = 5,
        VersionNeed = 0x6ffffffe,
        VersionNeedCount = 0x6fffffff;

    /// <summary>Flags by version; 2 is VER_FLG_WEAK.</summary>
    public static IReadOnlyDictionary<string, int> Flags(byte[] elf)
    {
        var dynamic = Dynamic(elf).ToDictionary(e => e.Tag, e => e.Value);
        var strings = Offset(elf, dynamic[StringTable]);
        var need = Offset(elf, dynamic[VersionNeed]);
        Dictionary<string, int> flags = [];
        for (var library = 0L; library < dynamic[VersionNeedCount]; library++)
        {
            var aux = need + Int32(elf, need + 8);
            for (var left = UInt16(elf, need + 2); left > 0; left--)
            {
                flags[Text(elf, strings + Int32(elf, aux + 8))] = UInt16(elf, aux + 4);
                aux += Int32(elf, aux + 12);
            }
            need += Int32(elf, need + 12);
        }
        return flags;
    }

    private static IEnumerable<(long Tag, long Value)> Dynamic(byte[] elf)
    {
        var segment = Segments(elf).Single(s => s.Type == DynamicSegment);
        for (var at = segment.Offset; Int64(elf, at) != 0; at += 16)
            if (Int64(elf, at) is StringTable or VersionNeed or VersionNeedCount)
                yield return (Int64(elf, at), Int64(elf, at + 8));
    }

    private static int Offset(byte[] elf, long address)
    {
        var segment = Segments(elf)
            .Single(s => s.Type == LoadSegment && address >= s.Address && address < s.Address + s.Size);
        return (int)(address - segment.Address) + segment.Offset;
    }

    private static IEnumerable<(int Type, int Offset, long Address, long Size)> Segments(byte[] elf) =>
        Enumerable
            .Range(0, UInt16(elf, 56))
            .Select(i => (int)Int64(elf, 32) + (i * UInt16(elf, 54)))
            .Select(h => (Int32(elf, h), (int)Int64(elf, h + 8), Int64(elf, h + 16), Int64(elf, h + 32)));

    private static string Text(byte[] elf, int at) =>
        Encoding.ASCII.GetString(elf, at, Array.IndexOf(elf, (byte)0, at) - at);

    private static int UInt16(byte[] elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at));

    private static int Int32(byte[] elf, int at) => BinaryPrimitives.ReadInt32LittleEndian(elf.AsSpan(at));

    private static long Int64(byte[] elf, int at) => BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(at));
}
