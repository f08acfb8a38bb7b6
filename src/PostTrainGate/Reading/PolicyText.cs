using System.Buffers;
using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;

namespace PostTrainGate.Reading;

/// <summary>The text of a policy file.</summary>
internal static class PolicyText
{
    /// <summary>
    /// The text without byte order mark; null when it is not the UTF-8 that a policy may be, which was reported.
    /// </summary>
    public static string? Decode(string file, ReadOnlySpan<byte> bytes, Action<Diagnostic> report)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        var (line, column, at) = (1, 1, 0);
        while (at < bytes.Length)
        {
            var status = Rune.DecodeFromUtf8(bytes[at..], out var rune, out var length);
            if (status != OperationStatus.Done)
            {
                report(
                    new(
                        DiagnosticCodes.PolicyUnreadable,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"The byte 0x{bytes[at]:X2} is not UTF-8; save the policy as UTF-8."
                        ),
                        new(file, line, column)
                    )
                );
                return null;
            }

            if (IsForbidden(rune))
            {
                report(
                    new(
                        DiagnosticCodes.PolicySyntax,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"The invisible character U+{rune.Value:X4} may not stand in a policy; remove it."
                        ),
                        new(file, line, column)
                    )
                );
                return null;
            }

            at += length;
            if (rune.Value == '\n' || (rune.Value == '\r' && (at == bytes.Length || bytes[at] != '\n')))
                (line, column) = (line + 1, 1);
            else
                column += rune.Utf16SequenceLength;
        }

        return Encoding.UTF8.GetString(bytes);
    }

    // Controls, and the line ends that YAML 1.1 knew and no editor counts. A NUL would end the text early without a
    // word.
    private static bool IsForbidden(Rune rune) =>
        rune.Value is (< 0x20 and not (0x09 or 0x0A or 0x0D)) or (>= 0x7F and <= 0x9F) or 0x2028 or 0x2029 or 0xFEFF;
}
