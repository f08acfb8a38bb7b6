using System.Reflection;

namespace PostTrainGate.Foundation;

/// <summary>This tool.</summary>
public static class Tool
{
    /// <summary>Version of the tool, as reports give it.</summary>
    public static string Version { get; } =
        typeof(Tool)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    /// <summary>Its build, of which one version may have several: another one may compute otherwise.</summary>
    internal static string Build { get; } = $"{typeof(Tool).Module.ModuleVersionId}";
}
