using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a 64-bit little-endian ELF library and flags one needed symbol version as weak (VER_FLG_WEAK, "Symbol
/// Versioning", ELF gABI Linux extensions), so that a loader whose library lacks the version warns instead of refusing.
/// </summary>
public sealed class WeakenSymbolVersion : Task
{
    [Required]
    public string Source { get; set; } = "";

    [Required]
    public string Destination { get; set; } = "";

    [Required]
    public string Version { get; set; } = "";

    public override bool Execute()
    {
        var image = File.ReadAllBytes(Source);
        if (!TryWeaken(image, Version))
        {
            Log.LogError("'{0}' is not an ELF64 library that needs the symbol version '{1}'.", Source, Version);
            return false;
        }

        // Several projects may build at once: write beside, then rename; equal content is left alone so that nothing
        // rebuilds.
        if (File.Exists(Destination) && Same(File.ReadAllBytes(Destination), image))
            return true;
        Directory.CreateDirectory(Path.GetDirectoryName(Destination)!);
        var temporary = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(temporary, image);
        if (File.Exists(Destination))
            File.Replace(temporary, Destination, null);
        else
        {
            try
            {
                File.Move(temporary, Destination);
            }
            catch (IOException) when (File.Exists(Destination))
            {
                File.Delete(temporary);
            }
        }
        return true;
    }

    private static bool TryWeaken(byte[] elf, string version)
    {
        const int needSection = 0x6ffffffe; // SHT_GNU_verneed
        const ushort weak = 2; // VER_FLG_WEAK
        if (
            elf.Length < 64
            || elf[0] != 0x7f
            || elf[1] != 'E'
            || elf[2] != 'L'
            || elf[3] != 'F'
            || elf[4] != 2
            || elf[5] != 1
        )
            return false;
        long sections = BitConverter.ToInt64(elf, 40);
        int entrySize = BitConverter.ToUInt16(elf, 58),
            count = BitConverter.ToUInt16(elf, 60);
        for (var i = 0; i < count; i++)
        {
            var header = (int)sections + i * entrySize;
            if (BitConverter.ToInt32(elf, header + 4) != needSection)
                continue;
            var strings = (int)
                BitConverter.ToInt64(elf, (int)sections + BitConverter.ToInt32(elf, header + 40) * entrySize + 24);
            for (var need = (int)BitConverter.ToInt64(elf, header + 24); ; )
            {
                var aux = need + BitConverter.ToInt32(elf, need + 8);
                for (var left = BitConverter.ToUInt16(elf, need + 2); left > 0; left--)
                {
                    if (Text(elf, strings + BitConverter.ToInt32(elf, aux + 8)) == version)
                    {
                        elf[aux + 4] |= (byte)weak;
                        return true;
                    }
                    aux += BitConverter.ToInt32(elf, aux + 12);
                }
                var next = BitConverter.ToInt32(elf, need + 12);
                if (next == 0)
                    break;
                need += next;
            }
        }
        return false;
    }

    private static string Text(byte[] bytes, int at)
    {
        var end = Array.IndexOf(bytes, (byte)0, at);
        return Encoding.ASCII.GetString(bytes, at, end - at);
    }

    private static bool Same(byte[] a, byte[] b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
}
