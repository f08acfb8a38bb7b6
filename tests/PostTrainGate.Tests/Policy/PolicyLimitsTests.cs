using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PolicyLimitsTests : IDisposable
{
    private readonly PolicyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Aliases_that_would_become_billions_are_refused_before_anything_is_built()
    {
        var yaml = new StringBuilder(PolicyFolder.Minimal).Append(
            "\nl0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        );
        for (var i = 1; i < 20; i++)
            yaml.Append($"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 10))}]\n");
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refused(yaml.ToString(), DiagnosticCodes.PolicySize, "10000 values");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000_000);
    }

    [Fact]
    public void Long_text_that_aliases_repeat_is_refused() =>
        Refused(
            $"{PolicyFolder.Minimal}\na: &a '{new string('x', 50_000)}'\nb: "
                + $"[{string.Join(", ", Enumerable.Repeat("*a", 30))}]\n",
            DiagnosticCodes.PolicySize,
            "1000000 characters"
        );

    [Fact]
    public void Aliases_that_deepen_each_other_are_refused()
    {
        var yaml = new StringBuilder(PolicyFolder.Minimal).Append("\na0: &a0 [x]\n");
        for (var i = 1; i < 60; i++)
            yaml.Append($"a{i}: &a{i} [*a{i - 1}]\n");
        Refused(yaml.ToString(), DiagnosticCodes.PolicySize, "32 levels");
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Deep_nesting_is_refused(string opening) =>
        Refused(
            $"{PolicyFolder.Minimal}\nx:\n  {string.Concat(Enumerable.Repeat(opening, 50_000))}",
            DiagnosticCodes.PolicySize,
            "32 levels"
        );

    [Fact]
    public void Very_many_values_are_refused() =>
        Refused(
            $"{PolicyFolder.Minimal}\nx: [{string.Join(',', Enumerable.Repeat("1", 100_000))}]",
            DiagnosticCodes.PolicySize,
            "10000 values"
        );

    [Fact]
    public void A_large_file_is_refused_unread()
    {
        var diagnostic = Assert.Single(_folder.Read(new byte[5_000_000]).Diagnostics);
        Assert.Equal(DiagnosticCodes.PolicySize, diagnostic.Code);
        Assert.Contains("256 KiB", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_at_the_limit_is_read()
    {
        var yaml = PolicyFolder.Minimal + "\n# ";
        Assert.Empty(_folder.Read(yaml.PadRight(PolicyYaml.MaxBytes, 'x')).Diagnostics);
    }

    [Theory]
    [InlineData("0xFF", DiagnosticCodes.PolicyUnreadable, 0xFF)]
    [InlineData("0xC3", DiagnosticCodes.PolicyUnreadable, 0xC3, 0x28)]
    [InlineData("0xED", DiagnosticCodes.PolicyUnreadable, 0xED, 0xA0, 0x80)]
    [InlineData("U+0000", DiagnosticCodes.PolicySyntax, 0x00)]
    [InlineData("U+001B", DiagnosticCodes.PolicySyntax, 0x1B)]
    [InlineData("U+2028", DiagnosticCodes.PolicySyntax, 0xE2, 0x80, 0xA8)]
    public void Bytes_that_are_no_text_are_refused_at_their_place(string shown, string code, params int[] bytes)
    {
        byte[] file =
        [
            .. Encoding.UTF8.GetBytes(PolicyFolder.Minimal + "\r\n# caf\u00e9 \U0001F600 "),
            .. bytes.Select(b => (byte)b),
            .. "\nmore"u8,
        ];
        var diagnostic = Assert.Single(_folder.Read(file).Diagnostics);
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(shown, diagnostic.Message, StringComparison.Ordinal);
        Assert.Equal((6, 11), (diagnostic.Position!.Value.Line, diagnostic.Position.Value.Column));
    }

    [Fact]
    public void A_byte_order_mark_and_line_ends_of_windows_are_fine()
    {
        byte[] file =
        [
            .. Encoding.UTF8.Preamble,
            .. Encoding.UTF8.GetBytes(PolicyFolder.Minimal.Replace("\n", "\r\n", StringComparison.Ordinal)),
        ];
        var (policy, diagnostics) = _folder.Read(file);
        Assert.Empty(diagnostics);
        Assert.Equal((5, 5), (policy!.Gates[0].Position.Line, policy.Gates[0].Position.Column));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a\0b")]
    public void What_is_no_path_is_reported(string path) =>
        Assert.Equal(DiagnosticCodes.PolicyUnreadable, Assert.Single(PolicyReader.Read(path).Diagnostics).Code);

    private void Refused(string yaml, string code, string limit)
    {
        var (policy, diagnostics) = _folder.Read(yaml);
        Assert.Null(policy);
        var diagnostic = Assert.Single(diagnostics);
        Assert.Equal(code, diagnostic.Code);
        Assert.Contains(limit, diagnostic.Message, StringComparison.Ordinal);
        Assert.InRange(diagnostic.Position!.Value.Line, 6, 100);
    }
}
