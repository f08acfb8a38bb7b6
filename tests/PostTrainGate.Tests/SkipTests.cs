using System.Text.RegularExpressions;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Tests skip for want of other people's material or of another system, and for nothing else.</summary>
public partial class SkipTests
{
    // Who may say what is missing (other people's data, a Debian package, an npm package), and this file, which names
    // the pattern.
    private static readonly string[] Helpers = ["Fixtures.cs", "Contract.cs", "SkipTests.cs"];

    [Fact]
    public void Only_marked_tests_can_skip()
    {
        var tests = Path.Combine(Fixtures.Repository, "tests");
        var sources = Directory
            .EnumerateFiles(tests, "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Contains("obj"))
            .ToArray();
        Assert.Contains(sources, f => Path.GetFileName(f) == "SkipTests.cs");
        foreach (var source in sources.Where(f => !Helpers.Contains(Path.GetFileName(f))))
        {
            foreach (var line in File.ReadLines(source).Where(l => Skip().IsMatch(l)))
                Assert.True(OfTheSystem().IsMatch(line), $"{source}: {line.Trim()}");
        }
    }

    [Fact]
    public void What_lies_elsewhere_is_of_the_fairness_papers()
    {
        foreach (
            var source in Directory.EnumerateFiles(
                Path.Combine(Fixtures.Repository, "tests/PostTrainGate.Tests"),
                "*.cs",
                SearchOption.AllDirectories
            )
        )
            Assert.All(Named().Matches(File.ReadAllText(source)), match =>
                Assert.Matches("^(reference/)?fairness/", match.Groups[1].Value)
            );
    }

    [GeneratedRegex(@"Assert\.Skip\w*\(|\bSkip(When|Unless)? = |SkipException")]
    private static partial Regex Skip();

    [GeneratedRegex(@"Assert\.Skip(When|Unless)\((OperatingSystem\.Is\w+\(\)|Packages\.Rid == ""[\w-]+""), "".+""\);")]
    private static partial Regex OfTheSystem();

    [GeneratedRegex(@"Fixtures\.Elsewhere\(\$?""([^""]*)""")]
    private static partial Regex Named();
}
