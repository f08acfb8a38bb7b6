using Xunit;

namespace PostTrainGate.Tests.Reporting;

/// <summary>Texts that a person has read and found right, kept in <c>Reporting/Golden</c>.</summary>
internal static class Golden
{
    /// <summary>
    /// Compares; a text that differs is written beside the golden one as <c>NAME.received</c>, to be read and, when
    /// right, renamed.
    /// </summary>
    public static void Equal(string name, string text)
    {
        var golden = Path.Combine(Fixtures.Repository, "tests/PostTrainGate.Cli.Tests/Reporting/Golden", name);
        var received = $"{golden}.received";
        var expected = File.Exists(golden) ? File.ReadAllText(golden) : "";
        if (text == expected)
        {
            File.Delete(received);
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(golden)!);
        File.WriteAllText(received, text);
        Assert.Equal(expected, text);
    }
}
