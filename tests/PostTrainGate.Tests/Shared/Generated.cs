using System.Text.RegularExpressions;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>
/// Files of the repository, or parts of them, that are written from code. POSTTRAINGATE_UPDATE=1 writes instead of
/// comparing.
/// </summary>
internal static class Generated
{
    private static readonly bool Update = Environment.GetEnvironmentVariable("POSTTRAINGATE_UPDATE") == "1";

    /// <summary>Compares a file with what it should be, given what it is.</summary>
    public static void Same(string file, Func<string, string> generate)
    {
        var path = Path.Combine(Fixtures.Repository, file);
        var found = File.Exists(path) ? File.ReadAllText(path) : "";
        var right = generate(found);
        if (Update)
            File.WriteAllText(path, right);
        else
            Assert.True(
                found == right,
                $"{file} is not what the code gives; run this test once with POSTTRAINGATE_UPDATE=1 and commit it"
            );
    }

    /// <summary>A document with the part between two comment lines replaced.</summary>
    public static string Between(string document, string name, string part)
    {
        var pattern = $"(?<=<!-- {Regex.Escape(name)} -->\n)[^\0]*(?=<!-- /{Regex.Escape(name)} -->)";
        Assert.Matches(pattern, document);
        return Regex.Replace(document, pattern, _ => $"\n{part}\n");
    }
}
